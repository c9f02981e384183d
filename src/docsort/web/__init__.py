"""What the local web servers share: who may ask, how long a client is waited for, how a server starts and ends."""
