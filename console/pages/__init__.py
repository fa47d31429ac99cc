"""The pages for people: one module and one blueprint for each thing they look at."""
