//! Bytes over a blocking socket, and code written for these rows only: what a library can at best come near to.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;

use tests::by_hand;
use tests::rows::Wide;

use super::expect;
use crate::meter::{IN_A_TURN, Latencies, Meter, Rows, narrows, turns, wides};
use crate::task::{Metrics, Result, Task, Work};

/// How many bytes of rows go into one message.
const CHUNK: usize = 32 << 10;

/// What a binary COPY begins with.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with.
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];

pub(crate) async fn run(task: &Task) -> Result<Metrics> {
    match (task.work, &*task.way) {
        (Work::EncodeWide, "") => Ok(encode(task, &wides(IN_A_TURN), by_hand::encode_wide)),
        (Work::EncodeNarrow, "") => Ok(encode(task, &narrows(IN_A_TURN), by_hand::encode_narrow)),
        (Work::DecodeCopy, "") => Ok(decode(task, |tuple| black_box(by_hand::decode_wide(tuple)).is_some())),
        (Work::DecodeCopy, "borrowed") => {
            Ok(decode(task, |tuple| black_box(by_hand::decode_wide_ref(tuple)).is_some()))
        }
        (Work::CopyIn, "") => copy_in(task),
        (Work::Insert, "") => insert(task),
        (Work::Read, "") => read(task),
        _ => task.unknown(),
    }
}

fn encode<R>(task: &Task, rows: &[R], write: impl Fn(&R, &mut Vec<u8>)) -> Metrics {
    let mut out = Vec::with_capacity(1 << 17);
    turns(task, || {
        out.clear();
        for row in rows {
            write(black_box(row), &mut out);
        }
        black_box(&out);
    })
}

/// Tuples as COPY sends them, without the number of their fields.
fn decode(task: &Task, read: impl Fn(&[u8]) -> bool) -> Metrics {
    let tuples: Vec<Vec<u8>> = wides(IN_A_TURN)
        .iter()
        .map(|row| {
            let mut out = Vec::new();
            by_hand::encode_wide(row, &mut out);
            out.split_off(2)
        })
        .collect();
    turns(task, || {
        for tuple in &tuples {
            assert!(read(black_box(tuple)));
        }
    })
}

fn copy_in(task: &Task) -> Result<Metrics> {
    let mut wire = Wire::connect(task)?;
    let meter = Meter::start()?;
    wire.copy(Rows::wide().first(task.rows))?;
    meter.stop()
}

fn insert(task: &Task) -> Result<Metrics> {
    let mut wire = Wire::connect(task)?;
    let rows = wides(task.rows);
    let mut latencies = Latencies::of(task)?;
    while latencies.next().is_some() {
        wire.copy(rows.iter())?;
    }
    Latencies::sum(vec![latencies])
}

fn read(task: &Task) -> Result<Metrics> {
    let mut wire = Wire::connect(task)?;
    let meter = Meter::start()?;
    // Parse, Bind with a result in binary, Execute without a limit, Sync.
    let sql = format!("\0{}\0\0\0", task.sql);
    wire.put(b'P', sql.as_bytes());
    wire.put(b'B', &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
    wire.put(b'E', &[0; 5]);
    wire.put(b'S', &[]);
    wire.send()?;
    let mut count = 0;
    loop {
        match wire.message()? {
            (b'D', body) => {
                let fields = body.strip_prefix(&[0, 10]).ok_or("a row does not have ten fields")?;
                black_box(by_hand::decode_wide(fields).ok_or("a row cannot be read")?);
                count += 1;
            }
            (b'Z', _) => break,
            _ => {}
        }
    }
    let metrics = meter.stop()?;
    expect(count, task.rows)?;
    Ok(metrics)
}

/// A connection: what is yet to be sent, and what was received and is yet to be read.
struct Wire {
    socket: TcpStream,
    out: Vec<u8>,
    received: Vec<u8>,
    start: usize,
    end: usize,
}

impl Wire {
    /// The server asks for the password as it is.
    fn connect(task: &Task) -> Result<Self> {
        let socket = TcpStream::connect((&*task.host, task.port))?;
        socket.set_nodelay(true)?;
        let mut wire = Self { socket, out: Vec::new(), received: vec![0; 64 << 10], start: 0, end: 0 };
        let options = format!("\0\x03\0\0user\0{}\0database\0{}\0\0", task.user, task.database);
        wire.out.extend(u32::try_from(options.len() + 4)?.to_be_bytes());
        wire.out.extend(options.as_bytes());
        wire.send()?;
        loop {
            match wire.message()? {
                (b'R', [0, 0, 0, 0]) => {}
                (b'R', [0, 0, 0, 3]) => {
                    wire.put(b'p', format!("{}\0", task.password).as_bytes());
                    wire.send()?;
                }
                (b'R', _) => return Err("the server asks for another authentication than by password".into()),
                (b'Z', _) => return Ok(wire),
                _ => {}
            }
        }
    }

    /// Sends the rows behind the statement without waiting for the server's consent: the protocol allows it, and a
    /// small load is one round trip.
    fn copy<'r>(&mut self, rows: impl Iterator<Item = &'r Wide>) -> Result<()> {
        self.put(b'Q', b"COPY wide FROM STDIN (FORMAT binary)\0");
        let mut message = self.begin(b'd');
        self.out.extend_from_slice(HEADER);
        for row in rows {
            by_hand::encode_wide(row, &mut self.out);
            if self.out.len() > CHUNK {
                self.finish(message);
                self.send()?;
                message = self.begin(b'd');
            }
        }
        self.out.extend_from_slice(TRAILER);
        self.finish(message);
        self.put(b'c', &[]);
        self.send()?;
        while self.message()?.0 != b'Z' {}
        Ok(())
    }

    /// Begins a message, and returns where its length stands.
    fn begin(&mut self, kind: u8) -> usize {
        self.out.extend_from_slice(&[kind, 0, 0, 0, 0]);
        self.out.len() - 4
    }

    fn finish(&mut self, message: usize) {
        let length = u32::try_from(self.out.len() - message).unwrap();
        self.out[message..message + 4].copy_from_slice(&length.to_be_bytes());
    }

    fn put(&mut self, kind: u8, body: &[u8]) {
        let message = self.begin(kind);
        self.out.extend_from_slice(body);
        self.finish(message);
    }

    fn send(&mut self) -> Result<()> {
        self.socket.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// The next message; an error, if it is one of the server's.
    fn message(&mut self) -> Result<(u8, &[u8])> {
        self.receive(5)?;
        let head = &self.received[self.start..self.start + 5];
        let (kind, length) = (head[0], 1 + u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize);
        self.receive(length)?;
        let body = &self.received[self.start + 5..self.start + length];
        self.start += length;
        match kind {
            b'E' => Err(String::from_utf8_lossy(body).replace('\0', " ").into()),
            _ => Ok((kind, body)),
        }
    }

    /// Waits until so many bytes are there to be read.
    fn receive(&mut self, wanted: usize) -> Result<()> {
        if self.end - self.start >= wanted {
            return Ok(());
        }
        self.received.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.received.len() < wanted {
            self.received.resize(wanted, 0);
        }
        while self.end < wanted {
            match self.socket.read(&mut self.received[self.end..])? {
                0 => return Err("the server has closed the connection".into()),
                count => self.end += count,
            }
        }
        Ok(())
    }
}
