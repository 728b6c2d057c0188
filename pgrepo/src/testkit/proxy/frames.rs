use std::collections::HashMap;

use bytes::BytesMut;

/// Messages up to this size are read whole when their SQL matters.
const WHOLE: usize = 64 * 1024;

/// SSLRequest and GSSENCRequest: the server answers with one byte.
const ENCRYPTION_REQUESTS: [u32; 2] = [80_877_103, 80_877_104];

/// A piece of what the client sent: a message, or a part of a long one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: BytesMut,
    /// The type byte of the message that begins here; 0 is a startup packet.
    pub(super) begins: Option<u8>,
    /// What the message runs.
    pub(super) sql: Option<String>,
    /// Whether the message ends here.
    pub(super) ends: bool,
}

/// Cuts the client's byte stream into messages, as in the page "Message Formats" of PostgreSQL's manual.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pending: BytesMut,
    /// How much of the current message is still to come.
    rest: usize,
    started: bool,
    opaque: bool,
    statements: HashMap<Vec<u8>, String>,
    portals: HashMap<Vec<u8>, String>,
}

impl Frames {
    /// Takes what was read and returns the pieces that are ready. With `opaque` set (the server agreed to encryption), or
    /// when the bytes make no sense, they pass as they are.
    pub(super) fn push(&mut self, bytes: &[u8], opaque: bool) -> Vec<Piece> {
        self.opaque |= opaque;
        self.pending.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while !self.pending.is_empty() {
            if self.opaque {
                let all = self.pending.len();
                pieces.push(self.part(all, false));
            } else if self.rest > 0 {
                let part = self.rest.min(self.pending.len());
                self.rest -= part;
                let ends = self.rest == 0;
                pieces.push(self.part(part, ends));
            } else if !self.started {
                let Some(piece) = self.startup() else { break };
                pieces.extend(piece);
            } else {
                let Some(piece) = self.message() else { break };
                pieces.extend(piece);
            }
        }
        pieces
    }

    fn part(&mut self, len: usize, ends: bool) -> Piece {
        Piece { bytes: self.pending.split_to(len), begins: None, sql: None, ends }
    }

    /// `None`: more is needed. `Some(None)`: these bytes are no protocol that we know.
    fn startup(&mut self) -> Option<Option<Piece>> {
        let len = word(&self.pending)?;
        if !(8..=10_000).contains(&len) {
            self.opaque = true;
            return Some(None);
        }
        let code = word(self.pending.get(4..)?)?;
        if self.pending.len() < len {
            return None;
        }
        self.started = !ENCRYPTION_REQUESTS.iter().any(|request| usize::try_from(*request) == Ok(code));
        let piece = self.part(len, true);
        Some(Some(Piece { begins: Some(0), ..piece }))
    }

    fn message(&mut self) -> Option<Option<Piece>> {
        let kind = *self.pending.first()?;
        let len = word(self.pending.get(1..)?)?;
        if len < 4 {
            self.opaque = true;
            return Some(None);
        }
        let total = len + 1;
        if total <= WHOLE && b"QPBE".contains(&kind) {
            if self.pending.len() < total {
                return None;
            }
            let sql = self.sql(kind, total);
            let piece = self.part(total, true);
            return Some(Some(Piece { begins: Some(kind), sql, ..piece }));
        }
        let part = total.min(self.pending.len());
        self.rest = total - part;
        let ends = self.rest == 0;
        let piece = self.part(part, ends);
        Some(Some(Piece { begins: Some(kind), ..piece }))
    }

    fn sql(&mut self, kind: u8, total: usize) -> Option<String> {
        let mut strings = self.pending[5..total].split(|byte| *byte == 0);
        let first = strings.next()?;
        match kind {
            b'Q' => Some(String::from_utf8_lossy(first).into_owned()),
            b'P' => {
                let sql = String::from_utf8_lossy(strings.next()?).into_owned();
                self.statements.insert(first.to_vec(), sql);
                None
            }
            b'B' => {
                let sql = self.statements.get(strings.next()?).cloned().unwrap_or_default();
                self.portals.insert(first.to_vec(), sql);
                None
            }
            _ => self.portals.get(first).cloned(),
        }
    }
}

fn word(bytes: &[u8]) -> Option<usize> {
    let word = bytes.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*word)).ok()
}

#[cfg(test)]
mod tests {
    use super::{Frames, Piece};

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len() + 4).expect("short");
        [&[kind], len.to_be_bytes().as_slice(), body].concat()
    }

    fn startup(code: u32, body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len() + 8).expect("short");
        [len.to_be_bytes().as_slice(), &code.to_be_bytes(), body].concat()
    }

    fn session() -> Vec<u8> {
        [
            startup(80_877_103, b""),
            startup(196_608, b"user\0x\0\0"),
            message(b'Q', b"BEGIN\0"),
            message(b'P', b"s1\0COMMIT\0\0\0"),
            message(b'B', b"\0s1\0\0\0\0\0\0\0"),
            message(b'E', b"\0\0\0\0\0"),
            message(b'd', &[7; 1000]),
            message(b'S', b""),
        ]
        .concat()
    }

    fn seen(pieces: &[Piece]) -> Vec<(u8, Option<&str>)> {
        let begun = pieces.iter().filter_map(|piece| Some((piece.begins?, piece.sql.as_deref())));
        begun.collect()
    }

    #[test]
    fn messages_are_found_however_the_bytes_arrive() {
        let session = session();
        for size in [1, 2, 3, 7, 100, session.len()] {
            let mut frames = Frames::default();
            let pieces: Vec<Piece> = session.chunks(size).flat_map(|bytes| frames.push(bytes, false)).collect();
            let expected = [
                (0, None),
                (0, None),
                (b'Q', Some("BEGIN")),
                (b'P', None),
                (b'B', None),
                (b'E', Some("COMMIT")),
                (b'd', None),
                (b'S', None),
            ];
            assert_eq!(seen(&pieces), expected, "in steps of {size}");
            assert_eq!(pieces.iter().filter(|piece| piece.ends).count(), expected.len());
            let sent: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.bytes).collect();
            assert_eq!(sent, session, "in steps of {size}");
        }
    }

    #[test]
    fn what_makes_no_sense_or_is_encrypted_passes() {
        let mut frames = Frames::default();
        assert_eq!(frames.push(b"GET / HTTP/1.1\r\n", false)[0].bytes, "GET / HTTP/1.1\r\n");
        let mut frames = Frames::default();
        frames.push(&startup(80_877_103, b""), false);
        let pieces = frames.push(b"\x16\x03\x01", true);
        assert_eq!((pieces[0].begins, pieces[0].bytes.len()), (None, 3));
    }
}
