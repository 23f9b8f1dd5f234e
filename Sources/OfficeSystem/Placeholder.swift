// What the service manager gives and takes comes here.
