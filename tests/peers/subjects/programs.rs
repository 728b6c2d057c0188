//! psql and pgbench, the server's own programs.
//!
//! pgbench throws the rows away as they come, and they come as text.

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::by_hand;

use super::raw::{HEADER, TRAILER};
use crate::meter::{Meter, Rows};
use crate::task::{Metrics, Result, Task, Work};

pub(crate) async fn run(task: &Task) -> Result<Metrics> {
    match (task.work, &*task.way) {
        (Work::CopyIn, "") => copy_in(task, "(FORMAT binary)"),
        (Work::CopyIn, "text") => copy_in(task, "(FORMAT text)"),
        (Work::CopyNarrow, "") => copy_in(task, "(FORMAT binary)"),
        (Work::Point, "" | "extended") | (Work::Pool | Work::JsonPath | Work::Contains | Work::Join, "") => {
            pgbench(task)
        }
        _ => task.unknown(),
    }
}

/// A program of the server's, or else the one on the path.
fn program(task: &Task, name: &str) -> Command {
    let own = Path::new(&task.programs).join(name);
    Command::new(if own.exists() { own } else { name.into() })
}

/// A folder for this process, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("peers-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

/// Loads a ready file. psql has connected before the clock starts, as the others have.
fn copy_in(task: &Task, format: &str) -> Result<Metrics> {
    let folder = Folder::new()?;
    let binary = folder.0.join("binary");
    write(task, &binary)?;
    let mut file = binary.display().to_string();
    if task.way == "text" {
        let text = folder.0.join("text").display().to_string();
        psql(
            task,
            &format!(
                "\\copy wide FROM '{file}' (FORMAT binary)\n\\copy wide TO '{text}' {format}\n\
                 TRUNCATE wide;\nCHECKPOINT;\n"
            ),
        )?;
        file = text;
    }
    // What the disk still has to write is not the load's.
    fs::File::open(&file)?.sync_all()?;
    let table = if task.work == Work::CopyNarrow { "narrow" } else { "wide" };
    psql(task, &format!("\\copy {table} FROM '{file}' {format}\n"))
}

/// The rows that the others load, as a binary COPY.
fn write(task: &Task, path: &Path) -> Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    file.write_all(HEADER)?;
    match task.work {
        Work::CopyNarrow => tuples(&mut file, Rows::narrow().first(task.rows), by_hand::encode_narrow)?,
        _ => tuples(&mut file, Rows::wide().first(task.rows), by_hand::encode_wide)?,
    }
    file.write_all(TRAILER)?;
    Ok(file.flush()?)
}

fn tuples<R>(file: &mut impl Write, rows: impl Iterator<Item = R>, encode: impl Fn(R, &mut Vec<u8>)) -> Result<()> {
    let mut tuple = Vec::new();
    for row in rows {
        tuple.clear();
        encode(row, &mut tuple);
        file.write_all(&tuple)?;
    }
    Ok(())
}

/// Runs a script, and meters it from when psql is ready for it until psql has ended.
fn psql(task: &Task, script: &str) -> Result<Metrics> {
    let mut child = program(task, "psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &task.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or("psql has no input")?;
    let mut stdout = BufReader::new(child.stdout.take().ok_or("psql has no output")?);
    stdin.write_all(b"\\echo ready\n")?;
    stdout.read_line(&mut String::new())?;
    let meter = Meter::of_programs()?;
    stdin.write_all(script.as_bytes())?;
    drop(stdin);
    let status = child.wait()?;
    let metrics = meter.stop()?;
    match status.success() {
        true => Ok(metrics),
        false => Err(format!("psql: {status}").into()),
    }
}

/// Runs the task's statement with a random key; each of its connections is always busy.
fn pgbench(task: &Task) -> Result<Metrics> {
    let folder = Folder::new()?;
    let script = folder.0.join("script");
    fs::write(&script, questions(task))?;
    let threads = std::thread::available_parallelism()?.get().min(task.connections);
    let output = program(task, "pgbench")
        .args(["-n", "-M", if task.way == "extended" { "extended" } else { "prepared" }])
        .args(["-c", &task.connections.to_string(), "-j", &threads.to_string()])
        .args(["-T", &task.seconds.ceil().to_string()])
        // Few of them: to log each would slow it down.
        .args(["-l", "--sampling-rate=0.1"])
        .arg(format!("--log-prefix={}", folder.0.join("log").display()))
        .arg("-f")
        .arg(script)
        .arg(task.url())
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next())
        .ok_or("pgbench does not say how fast it was")?;
    let mut micros = latencies(&folder.0)?;
    micros.sort_unstable();
    let at = |part: usize| micros.get(micros.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
    Ok(Metrics::from([
        ("ops_per_s".to_owned(), rate.parse()?),
        ("p50_us".to_owned(), f64::from(at(50))),
        ("p99_us".to_owned(), f64::from(at(99))),
    ]))
}

/// In both modes pgbench sends its variables as parameters, whose types the server infers.
fn questions(task: &Task) -> String {
    let (first, parameter) = match task.work {
        Work::Point | Work::Pool => (1, ":n"),
        Work::Contains => (0, "('{\"scores\": [' || :n::text || ']}')::jsonb"),
        _ => (0, ":n"),
    };
    format!("\\set n random({first}, {})\n{};\n", first + task.rows - 1, task.sql.replace("$1", parameter))
}

/// The third word of each line of the logs, one of which each thread has written.
fn latencies(folder: &Path) -> Result<Vec<u32>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"log.")) {
            continue;
        }
        for line in fs::read_to_string(path)?.lines() {
            all.push(line.split(' ').nth(2).ok_or("a log of pgbench's cannot be read")?.parse()?);
        }
    }
    Ok(all)
}
