//! What a struct's derives cost the compiler, and what a library costs that is built for the first time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::report::Line;

use crate::meter::{Meter, line};
use crate::package::{self, cargo, output, write};
use crate::task::Result;

/// The structs of a crate.
const STRUCTS: u32 = 20;
/// Rounds of the structs' crates, in a full run and in a quick one; and of clean builds, which take a minute each.
const ROUNDS: [usize; 2] = [5, 1];
const CLEAN_ROUNDS: [usize; 2] = [3, 1];

/// A struct's fields, three times over: their Rust types, and what diesel calls the columns' types.
const FIELDS: [(&str, &str); 10] = [
    ("i64", "Int8"),
    ("String", "Text"),
    ("Option<String>", "Nullable<Text>"),
    ("i32", "Int4"),
    ("bool", "Bool"),
    ("f64", "Float8"),
    ("DateTime<Utc>", "Timestamptz"),
    ("Uuid", "Uuid"),
    ("Json<Profile>", "Jsonb"),
    ("Vec<String>", "Array<Text>"),
];

struct Subject {
    name: &'static str,
    library: &'static str,
    template: &'static str,
    /// The type of a document; the others' is [`FIELDS`]'s.
    json: &'static str,
}

const SUBJECTS: [Subject; 3] = [
    Subject {
        name: "pgrepo",
        library: "pgrepo",
        template: include_str!("build_cost/pgrepo.rs"),
        json: "Json<Profile>",
    },
    Subject {
        name: "sqlx FromRow + serde",
        library: "sqlx",
        template: include_str!("build_cost/sqlx.rs"),
        json: "Json<Profile>",
    },
    Subject { name: "diesel", library: "diesel", template: include_str!("build_cost/diesel.rs"), json: "Value" },
];

/// Who is built as a whole, and the dependency as a user writes it.
const LIBRARIES: [(&str, &str); 2] = [
    ("pgrepo", r#"pgrepo = { path = "CHECKOUT/pgrepo" }"#),
    ("sqlx", r#"sqlx = { version = "0.9", default-features = false, features = ["postgres", "runtime-tokio"] }"#),
];

/// The values of each metric, by subject.
type Found = BTreeMap<(&'static str, String), Vec<f64>>;

/// Builds, and says what it cost.
pub(crate) fn run(quick: bool) -> Result<Vec<Line>> {
    let folder = package::folder("build-cost")?;
    let mut lines = lines("build-cost", structs(&folder.join("structs"), ROUNDS[usize::from(quick)])?);
    lines.extend(self::lines("library-build", libraries(&folder, CLEAN_ROUNDS[usize::from(quick)])?));
    Ok(lines)
}

/// A struct's share of what a crate of them takes, less what it takes without the derives.
fn structs(folder: &Path, rounds: usize) -> Result<Found> {
    package::make(folder, include_str!("build_cost/Cargo.toml.txt"))?;
    for subject in &SUBJECTS {
        write(&folder.join(source(subject)), &rows(subject))?;
    }
    // Everything else is built before.
    for command in ["check", "build"] {
        for subject in &SUBJECTS {
            output(&mut derived(folder, command, subject, true))?;
        }
    }
    let mut found = Found::new();
    let each = |with: f64, without: f64| (with - without) / f64::from(STRUCTS);
    for subject in &SUBJECTS {
        let expanded = |derive| -> Result<f64> {
            let mut command = derived(folder, "rustc", subject, derive);
            Ok(output(command.args(["--", "-Zunpretty=expanded"]))?.len() as f64 / 1024.0)
        };
        found.insert((subject.name, "expansion_kib".to_owned()), vec![each(expanded(true)?, expanded(false)?)]);
    }
    for _ in 0..rounds {
        for command in ["check", "build"] {
            for subject in &SUBJECTS {
                let [without, with] = [false, true].map(|derive| {
                    // The time of the file is what makes cargo build it again.
                    write(&folder.join(source(subject)), &rows(subject))?;
                    timed(&mut derived(folder, command, subject, derive))
                });
                let (without, with) = (without?, with?);
                for (metric, clock) in [("s", "cpu_s"), ("wall_s", "wall_s")] {
                    let value = each(with[clock], without[clock]);
                    found.entry((subject.name, format!("added_{command}_{metric}"))).or_default().push(value);
                }
            }
        }
    }
    Ok(found)
}

/// Clean builds, and the number of packages that each brings.
fn libraries(folder: &Path, rounds: usize) -> Result<Found> {
    let mut found = Found::new();
    for (name, dependency) in LIBRARIES {
        let folder = folder.join(name);
        package::make(
            &folder,
            &format!("[package]\nname = \"cost\"\nedition = \"2024\"\n[dependencies]\n{dependency}\n[workspace]\n"),
        )?;
        let tree = output(cargo(&folder, "tree").args(["--edges=normal,build", "--prefix=none", "--format={p}"]))?;
        let mut packages: Vec<_> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        packages.sort_unstable();
        packages.dedup();
        // One is the crate itself.
        found.insert((name, "dependencies".to_owned()), vec![packages.len() as f64 - 1.0]);
    }
    for _ in 0..rounds {
        for (name, _) in LIBRARIES {
            let folder = folder.join(name);
            output(&mut cargo(&folder, "clean"))?;
            let wall = timed(&mut cargo(&folder, "build"))?["wall_s"];
            found.entry((name, "build_s".to_owned())).or_default().push(wall);
        }
    }
    Ok(found)
}

fn source(subject: &Subject) -> PathBuf {
    format!("examples/{}_rows.rs", subject.library).into()
}

/// A subject's structs.
fn rows(subject: &Subject) -> String {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (n, (rust, sql)) in FIELDS.iter().cycle().take(30).enumerate() {
        let rust = if *sql == "Jsonb" { subject.json } else { rust };
        fields.push(format!("        pub column_{n}: {rust},"));
        columns.push(format!("            column_{n} -> {sql},"));
    }
    let one = subject.template.replace("FIELDS", &fields.join("\n")).replace("COLUMNS", &columns.join("\n"));
    let head = include_str!("build_cost/head.rs").replace("LIBRARY", subject.library);
    (0..STRUCTS).fold(head, |text, n| text + "\n" + &one.replace("TABLE", &format!("table_{n}")))
}

fn derived(folder: &Path, command: &str, subject: &Subject, derive: bool) -> Command {
    let mut cargo = expanding(folder, command);
    cargo.arg(format!("--example={}_rows", subject.library));
    if derive {
        cargo.arg("--features=derived");
    }
    cargo
}

fn expanding(folder: &Path, command: &str) -> Command {
    let mut cargo = cargo(folder, command);
    // The stable compiler prints expanded code only so; it is for these crates alone, and changes nothing else.
    cargo.env("RUSTC_BOOTSTRAP", SUBJECTS.map(|s| format!("{}_rows", s.library)).join(","));
    cargo
}

fn timed(command: &mut Command) -> Result<BTreeMap<String, f64>> {
    let meter = Meter::of_programs()?;
    output(command)?;
    meter.stop()
}

fn lines(workload: &str, found: Found) -> Vec<Line> {
    let line = |((subject, metric), values): ((&str, String), Vec<f64>)| {
        eprintln!("{workload} {subject}: {metric} {values:.3?}");
        line(workload, subject, "free", metric, values)
    };
    found.into_iter().map(line).collect()
}
