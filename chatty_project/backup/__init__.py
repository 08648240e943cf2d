"""`manage.py backup` and `manage.py restore`: a consistent copy of the database in one file, and back."""
