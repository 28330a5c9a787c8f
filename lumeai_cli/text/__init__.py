"""The words that people see, in English and Russian. Codes, JSON keys and log lines stay English."""
