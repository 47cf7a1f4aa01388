//! DIDs, DID documents and the methods Comity reads and makes, without I/O.
