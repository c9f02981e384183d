import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's default threads collapse on a busy machine
