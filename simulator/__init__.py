"""A RENTESEG to watch: portal, query API, database, operators that send real files, mail, and faults on demand."""
