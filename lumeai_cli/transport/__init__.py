"""The only room that speaks HTTP: requests in, exchanges out, every failure as an `Ending`."""
