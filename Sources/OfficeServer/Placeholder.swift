// The faces of the daemon come here.
