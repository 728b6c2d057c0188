//! The rows of a query, as the driver keeps them: it makes them only of what it receives, and a server is not needed
//! to send it these.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use pgrepo::{ColumnMeta, TypeInfo};
use sqlx::postgres::{PgConnectOptions, PgRow, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use super::Result;

/// No problem with the password, and ready.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

/// Rows of the columns, from COPY's tuples: a tuple is the body of a query's row.
pub(crate) fn fetched(columns: &[ColumnMeta], types: &[TypeInfo], tuples: &[Vec<u8>]) -> Result<Vec<PgRow>> {
    let description = described(columns, types)?;
    let mut answer = message(b'2', &[])?;
    for tuple in tuples {
        answer.extend(message(b'D', tuple)?);
    }
    answer.extend(message(b'C', b"SELECT 0\0")?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    // It ends with the connection.
    let server = std::thread::spawn(move || serve(listener.accept()?.0, &description, &answer));
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("bench");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rows = runtime.block_on(async {
        let mut connection = options.ssl_mode(PgSslMode::Disable).connect().await?;
        let rows = sqlx::query("SELECT * FROM wide").fetch_all(&mut connection).await?;
        connection.close().await.map(|()| rows)
    })?;
    server.join().map_err(|_| "the server panicked")??;
    Ok(rows)
}

/// The answers to a prepared statement, whatever it says.
fn serve(mut stream: TcpStream, description: &[u8], answer: &[u8]) -> std::io::Result<()> {
    read(&mut stream)?;
    stream.write_all(WELCOME)?;
    loop {
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        read(&mut stream)?;
        match &kind {
            b"P" => stream.write_all(b"1\0\0\0\x04")?,
            b"D" => stream.write_all(description)?,
            // With the answer to the Execute behind it.
            b"B" => stream.write_all(answer)?,
            b"C" => stream.write_all(b"3\0\0\0\x04")?,
            b"S" => stream.write_all(b"Z\0\0\0\x05I")?,
            b"X" => return Ok(()),
            _ => {}
        }
    }
}

/// Takes a message, of which the length is sent first.
fn read(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = stream.take(u64::from(u32::from_be_bytes(length)).saturating_sub(4));
    std::io::copy(&mut body, &mut std::io::sink()).map(drop)
}

/// No parameters, and the columns.
fn described(columns: &[ColumnMeta], types: &[TypeInfo]) -> Result<Vec<u8>> {
    let mut body = u16::try_from(columns.len())?.to_be_bytes().to_vec();
    for (column, ty) in columns.iter().zip(types) {
        body.extend(format!("{}\0", column.spec.name).bytes());
        // Of no table; then the type, its size and modifier, which nothing reads, and the binary format.
        body.extend([0; 6]);
        body.extend(ty.oid().to_be_bytes());
        body.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    }
    Ok([message(b't', &[0, 0])?, message(b'T', &body)?].concat())
}

fn message(kind: u8, body: &[u8]) -> Result<Vec<u8>> {
    let length = u32::try_from(body.len() + 4)?.to_be_bytes();
    Ok([&[kind], &length[..], body].concat())
}
