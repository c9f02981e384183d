"""Whether tomorrow still looks like yesterday: new pages against those that an ensemble was validated on."""
