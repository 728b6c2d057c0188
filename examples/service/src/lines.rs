//! What holds for the bytes of an upload as a whole, piece by piece: lines of a bounded length, in UTF-8.

/// Why the bytes are no upload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinesError {
    #[error("line {line} has more than the {most} bytes that one may have")]
    TooLong { line: u64, most: usize },
    #[error("line {line} is not UTF-8, at byte {byte}")]
    NotUtf8 { line: u64, byte: u64 },
}

/// Watches lines as they pass. Lines end by LF, or by CR without one behind it.
pub(crate) struct Lines {
    most: usize,
    line: u64,
    /// The bytes of the line so far.
    length: usize,
    /// The beginning of a character whose end is in the next piece.
    open: Vec<u8>,
    after_cr: bool,
}

impl Lines {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, line: 1, length: 0, open: Vec::new(), after_cr: false }
    }

    /// The next piece.
    pub(crate) fn see(&mut self, piece: &[u8]) -> Result<(), LinesError> {
        let mut rest = piece;
        while !rest.is_empty() {
            let end = memchr::memchr2(b'\n', b'\r', rest);
            let (part, behind) = rest.split_at(end.unwrap_or(rest.len()));
            if !part.is_empty() {
                self.after_cr = false;
                self.part(part)?;
            }
            let Some((&byte, behind)) = behind.split_first() else { break };
            self.unfinished()?;
            // The second half of a line's end is no line of its own.
            if !(byte == b'\n' && self.after_cr) {
                self.line += 1;
            }
            self.length = 0;
            self.after_cr = byte == b'\r';
            rest = behind;
        }
        Ok(())
    }

    /// There is no other piece.
    pub(crate) fn end(&self) -> Result<(), LinesError> {
        self.unfinished()
    }

    fn part(&mut self, part: &[u8]) -> Result<(), LinesError> {
        let before = self.length;
        self.length = self.length.saturating_add(part.len());
        if self.length > self.most {
            return Err(LinesError::TooLong { line: self.line, most: self.most });
        }
        let mut part = part;
        let mut at = before;
        while let (false, Some((&byte, behind))) = (self.open.is_empty(), part.split_first()) {
            self.open.push(byte);
            match std::str::from_utf8(&self.open) {
                Ok(_) => self.open.clear(),
                Err(error) if error.error_len().is_some() => return Err(self.not_utf8(at)),
                Err(_) => {}
            }
            at += 1;
            part = behind;
        }
        match std::str::from_utf8(part) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                self.open.extend_from_slice(part.get(error.valid_up_to()..).unwrap_or_default());
                Ok(())
            }
            Err(error) => Err(self.not_utf8(at + error.valid_up_to())),
        }
    }

    /// A line's end within a character.
    fn unfinished(&self) -> Result<(), LinesError> {
        if self.open.is_empty() { Ok(()) } else { Err(self.not_utf8(self.length.saturating_sub(1))) }
    }

    fn not_utf8(&self, before: usize) -> LinesError {
        LinesError::NotUtf8 { line: self.line, byte: before as u64 + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of the bytes in pieces of each size.
    fn seen(bytes: &[u8], most: usize) -> Result<u64, LinesError> {
        let all: Vec<_> = [1, 2, 3, 7, 1000]
            .map(|size| {
                let mut lines = Lines::new(most);
                let seen = bytes.chunks(size).try_for_each(|piece| lines.see(piece)).and_then(|()| lines.end());
                seen.map(|()| lines.line)
            })
            .into();
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
        all[0].clone()
    }

    #[test]
    fn lines_are_counted_whatever_they_end_by() {
        for (text, line) in
            [("", 1), ("a", 1), ("a\n", 2), ("a\r\nb", 2), ("a\rb\n\nc", 4), ("\n\r\n", 3), ("Zürich\n東京", 2)]
        {
            assert_eq!(seen(text.as_bytes(), 100), Ok(line), "{text:?}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_told_before_its_end() {
        assert_eq!(seen(b"12345\n12345\r12345", 5), Ok(3));
        assert_eq!(seen(b"1\n123456", 5), Err(LinesError::TooLong { line: 2, most: 5 }));
        let mut endless = Lines::new(5);
        assert!(endless.see(b"12345").is_ok() && endless.see(b"6").is_err());
    }

    #[test]
    fn what_is_not_utf8_is_told_by_its_place() {
        for (bytes, line, byte) in [
            (&b"Z\xfcrich"[..], 1, 2),
            (b"a\n\xff\xfea", 2, 1),
            (b"a\nb\xc3\nc", 2, 2),
            (b"ab\xe6\x9d", 1, 4),
            (b"\xed\xa0\x80", 1, 1),
        ] {
            let Err(LinesError::NotUtf8 { line: told, byte: at }) = seen_loosely(bytes) else { panic!("{bytes:?}") };
            assert_eq!((told, at.abs_diff(byte) <= 2), (line, true), "{bytes:?}: {at}");
        }
    }

    /// Of a character in several pieces the place is known to within its bytes.
    fn seen_loosely(bytes: &[u8]) -> Result<u64, LinesError> {
        let mut lines = Lines::new(100);
        lines.see(bytes).and_then(|()| lines.end()).map(|()| lines.line)
    }
}
