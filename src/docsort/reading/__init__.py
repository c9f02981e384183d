"""The words on a page: engines that read, and the kind of member that answers by what was read."""
