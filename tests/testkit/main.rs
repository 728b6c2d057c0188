//! The test kit itself: servers, databases, the attribute, the proxy.

mod support;
mod databases;
