//! The test kit itself: servers, databases, the attribute, the proxy.

mod attribute;
mod databases;
mod lifetime;
mod proxy;
mod rungs;
mod skips;
mod support;
