"""The pages for people, in Spanish, behind login. No arithmetic of its own."""
