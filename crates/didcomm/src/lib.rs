//! DIDComm v2.1 messages: pack, unpack and the small protocols, without I/O.
