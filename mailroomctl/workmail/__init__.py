"""Leaving Amazon WorkMail: what an organisation holds, what becomes of it here, and the exports of its mail."""
