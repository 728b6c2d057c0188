//! Python's libraries: a virtual environment below the target folder, with the versions that are measured.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::task::Result;

const REQUIREMENTS: [&str; 3] = ["asyncpg==0.32.0", "psycopg[binary]==3.3.9", "uvloop==0.23.0"];

/// Prints the versions in use, as JSON; fails if one of them does not load.
const VERSIONS: &str = "import asyncpg, json, platform, psycopg, uvloop
print(json.dumps({'Python': platform.python_version(), 'asyncpg': asyncpg.__version__,
                  'psycopg': psycopg.__version__, 'uvloop': uvloop.__version__}))";

/// A Python that has the libraries.
#[derive(Debug)]
pub(crate) struct Python {
    program: PathBuf,
    versions: BTreeMap<String, String>,
}

impl Python {
    /// Installs what is not there yet. Without Python, its subjects are left out, and the others are measured.
    pub(crate) fn set_up() -> Option<Self> {
        match Self::ready() {
            Ok(python) => Some(python),
            Err(error) => {
                eprintln!("Python's subjects are left out: {error}");
                None
            }
        }
    }

    fn ready() -> Result<Self> {
        // <target>/release/deps/peers-…
        let exe = std::env::current_exe()?;
        let folder = exe.ancestors().nth(3).ok_or("the program is not in a target folder")?.join("venv");
        let program = folder.join("bin/python");
        let wanted = REQUIREMENTS.join("\n");
        // Written last: with it, the environment is whole.
        let installed = folder.join("installed.txt");
        if fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
            install(&folder, &program)?;
            fs::write(&installed, &wanted)?;
        }
        let output = finish(Command::new(&program).args(["-c", VERSIONS]))?;
        Ok(Self { program, versions: serde_json::from_slice(&output.stdout)? })
    }

    /// Of Python and of each library.
    pub(crate) fn versions(&self) -> BTreeMap<String, String> {
        self.versions.clone()
    }

    /// Does one task, and prints what it measured.
    pub(crate) fn child(&self, task: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args([concat!(env!("CARGO_MANIFEST_DIR"), "/peers.py"), task]);
        command
    }
}

fn install(folder: &Path, program: &Path) -> Result<()> {
    eprintln!("installing {}", REQUIREMENTS.join(", "));
    finish(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    finish(Command::new(program).args(pip).args(REQUIREMENTS))?;
    Ok(())
}

/// Runs a program to its end; its complaints are the error. Python's venv makes some of them on its standard output.
fn finish(command: &mut Command) -> Result<Output> {
    let name = command.get_program().display().to_string();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        let text = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat();
        return Err(format!("{name} ended with {}: {}", output.status, text.trim()).into());
    }
    Ok(output)
}
