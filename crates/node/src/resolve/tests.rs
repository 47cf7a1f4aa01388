//! The guard and the resolver against a name server and TLS servers of our own, on real sockets.

mod guarded;
mod histories;
mod lanes;
mod posting;
mod world;
