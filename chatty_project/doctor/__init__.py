"""`manage.py doctor`: looks at everything that Chatty needs, and says what is wrong and what to do."""
