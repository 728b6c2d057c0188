use std::fmt;

/// The most steps of a path.
const MAX_STEPS: usize = 16;

/// A step into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonStep {
    /// To the value of a key of an object.
    Key(&'static str),
    /// To an element of an array, from 0; a negative number counts from its end.
    Index(i32),
}

/// The steps of a path, in an array so that paths can be constants.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    steps: [JsonStep; MAX_STEPS],
    len: usize,
}

impl Steps {
    pub(super) const fn new(steps: &[JsonStep]) -> Self {
        Self { steps: [JsonStep::Index(0); MAX_STEPS], len: 0 }.join(steps)
    }

    /// These steps, and then those.
    ///
    /// # Panics
    /// When there are more than [`MAX_STEPS`].
    pub(super) const fn join(mut self, steps: &[JsonStep]) -> Self {
        let mut i = 0;
        while i < steps.len() {
            assert!(self.len < MAX_STEPS, "a JSON path has at most 16 steps");
            self.steps[self.len] = steps[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    pub(super) const fn all(&self) -> &[JsonStep] {
        self.steps.split_at(self.len).0
    }
}

impl fmt::Display for Steps {
    /// Writes them as a JSON pointer (RFC 6901).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all().iter().try_for_each(|step| match step {
            JsonStep::Key(key) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")),
            JsonStep::Index(index) => write!(f, "/{index}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_what_it_must() {
        const STEPS: Steps = Steps::new(&[JsonStep::Key("a/b~c"), JsonStep::Index(2)]);
        assert_eq!(STEPS.to_string(), "/a~1b~0c/2");
        assert_eq!(Steps::new(&[]).to_string(), "");
        assert_eq!(Steps::new(&[JsonStep::Key("")]).to_string(), "/");
    }

    #[test]
    #[should_panic(expected = "at most 16 steps")]
    fn a_path_ends_somewhere() {
        let _ = Steps::new(&[JsonStep::Index(0); 17]);
    }
}
