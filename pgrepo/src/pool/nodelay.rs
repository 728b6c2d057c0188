//! TCP_NODELAY on the driver's sockets.
//!
//! A COPY is write–write–read: with the delay of small packets each one stalls for some 40 ms on the other side's
//! delayed acknowledgement. The driver neither sets the option nor hands its socket out, so the socket is found among
//! the process's descriptors by its peer's port. A descriptor known by its number alone may not be used without
//! unsafe code; sent through a socket pair to ourselves it comes back as an owned one, of the same open socket.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, getpeername, recvmsg, sockopt};

/// Sets the option on every TCP socket of this process whose peer has the port, and reads it back.
///
/// A socket that does not take it (one being reset, or of UDP) is passed over, as long as another took it.
///
/// # Errors
/// No socket has such a peer, or none of those took the option: then the first one's error.
pub(super) fn set(port: u16) -> io::Result<()> {
    let mut failed = None;
    let mut taken = false;
    for socket in to(port)? {
        match set_one(&socket) {
            Ok(()) => taken = true,
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if taken {
        return Ok(());
    }
    Err(failed.unwrap_or_else(|| io::Error::other(format!("the process has no socket whose peer has the port {port}"))))
}

fn set_one(socket: &OwnedFd) -> io::Result<()> {
    if !sockopt::tcp_nodelay(socket)? {
        sockopt::set_tcp_nodelay(socket, true)?;
        if !sockopt::tcp_nodelay(socket)? {
            return Err(io::Error::other("TCP_NODELAY was set and reads back as unset"));
        }
    }
    Ok(())
}

/// The process's sockets of the internet whose peer has the port.
fn to(port: u16) -> io::Result<Vec<OwnedFd>> {
    let (here, there) = UnixStream::pair()?;
    let mut found = Vec::new();
    for number in sockets()? {
        // It may have been closed by another thread meanwhile, or be no socket.
        let Some(socket) = duplicate(&here, &there, number)? else { continue };
        let peer = getpeername(&socket).ok().flatten().and_then(|address| SocketAddr::try_from(address).ok());
        if peer.is_some_and(|peer| peer.port() == port) {
            found.push(socket);
        }
    }
    Ok(found)
}

/// The numbers of the process's descriptors that are sockets, as far as the system tells.
fn sockets() -> io::Result<Vec<RawFd>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir("/dev/fd")? {
        let entry = entry?;
        let Some(number) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
        let other = std::fs::read_link(entry.path()).is_ok_and(|to| !to.to_string_lossy().starts_with("socket:"));
        if !other {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

fn duplicate(here: &UnixStream, there: &UnixStream, number: RawFd) -> io::Result<Option<OwnedFd>> {
    let numbers = [number];
    let message = [ControlMessage::ScmRights(&numbers)];
    match sendmsg::<()>(here.as_raw_fd(), &[IoSlice::new(b".")], &message, MsgFlags::empty(), None) {
        Ok(_) => {}
        Err(nix::errno::Errno::EBADF) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(there, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut received = ancillary.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
        _ => Vec::new(),
    });
    Ok(received.next())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn a_port_that_nobody_connected_to_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = set(port).unwrap_err();
        assert!(error.to_string().contains(&port.to_string()), "{error}");
    }

    #[test]
    fn a_socket_that_does_not_take_the_option_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // The datagrams' socket comes first, having the lower number, and second.
        let before = UdpSocket::bind("127.0.0.1:0").unwrap();
        before.connect(address).unwrap();
        set(address.port()).expect_err("none took it");
        let stream = TcpStream::connect(address).unwrap();
        let after = UdpSocket::bind("127.0.0.1:0").unwrap();
        after.connect(address).unwrap();
        assert!(!stream.nodelay().unwrap());
        set(address.port()).unwrap();
        assert!(stream.nodelay().unwrap());
    }
}
