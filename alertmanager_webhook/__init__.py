"""What Alertmanager posts to: a delivery becomes notifications, and is answered 2xx only after the commit."""
