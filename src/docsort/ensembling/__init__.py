"""From many predictions to one answer a page: votes, the submission, the review list."""
