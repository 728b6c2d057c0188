use std::io;

use tokio::net::TcpStream;

/// Ends a connection by RST.
pub(super) fn reset(stream: TcpStream) {
    // Where the option is refused, the peer is gone already.
    stream.set_zero_linger().ok();
    drop(stream);
}

/// Reads and forgets until the peer ends.
pub(super) async fn until_closed(stream: &TcpStream) {
    let mut buffer = vec![0; 16 * 1024];
    while !matches!(read(stream, &mut buffer).await, Ok(0) | Err(_)) {}
}

/// Reads some bytes; several tasks may hold the stream.
pub(super) async fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}

/// Writes all bytes.
pub(super) async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends FIN; the other direction stays open.
pub(super) fn say_end(stream: &TcpStream) -> io::Result<()> {
    rustix::net::shutdown(stream, rustix::net::Shutdown::Write).map_err(io::Error::from)
}
