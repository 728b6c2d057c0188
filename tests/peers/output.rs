//! Where a run's results go: into the repository's documents, or beside the program that measured them.

use std::path::PathBuf;

use tests::report::{COMMAND, Line, RESULTS, Results, Run, folder};

use crate::run::Options;
use crate::task::Result;

/// Where the results of a run go.
pub(crate) struct Output {
    run: Run,
    /// Those that the run's lines are put among.
    before: Option<Results>,
    /// A run of everything: it makes the repository's documents anew.
    full: bool,
}

impl Output {
    /// Finds out before anything is measured whether the results may go there.
    pub(crate) fn new(options: &Options, run: Run) -> Result<Self> {
        if options.merge && options.only.is_empty() {
            return Err("--merge needs --only: a run of everything replaces all figures".into());
        }
        let before = match options.merge {
            false => None,
            true => Some(Results::parse(&std::fs::read_to_string(folder().join(RESULTS))?)?),
        };
        if let Some(differs) = before.as_ref().and_then(|before| before.run.differs(&run)) {
            return Err(format!("these figures cannot stand beside those of {RESULTS}: {differs}").into());
        }
        Ok(Self { run, before, full: !options.quick && options.only.is_empty() })
    }

    /// Writes what was measured, and prints what became of the goals. Where something failed, the repository's
    /// documents are left alone.
    pub(crate) fn write(self, lines: Vec<Line>, complete: bool) -> Result<()> {
        let documents = complete && (self.full || self.before.is_some());
        let now = Results { run: self.run, lines };
        let results = match self.before {
            Some(mut before) if complete => {
                before.merge(now);
                before
            }
            _ => now,
        };
        let folder = if documents { folder().canonicalize().unwrap_or_else(|_| folder()) } else { beside()? };
        results.write(&folder)?;
        println!("{}\nwritten to {}", results.summary(), folder.display());
        if self.full && !documents {
            println!("some subjects failed: to publish it all the same, copy {RESULTS} to pgrepo/docs, then {COMMAND}");
        }
        Ok(())
    }
}

/// A folder beside the one of this program.
fn beside() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(2).ok_or("the program lies in no folder")?;
    Ok(folder.join("peers"))
}
