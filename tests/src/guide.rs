//! The pages of the guide, read as texts: their tables, and the tests that they name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A page.
pub struct Page {
    /// Its file's name, without the ending.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// All pages, in the order of their names.
///
/// # Errors
/// Those of the file system.
pub fn pages() -> std::io::Result<Vec<Page>> {
    let mut pages = Vec::new();
    for path in files(&root().join("pgrepo/docs/guide"), "md")? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        pages.push(Page { name, text: fs::read_to_string(&path)? });
    }
    Ok(pages)
}

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder, and of those in it, whose names end so, in their order.
fn files(folder: &Path, ending: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(files(&path, ending)?);
        } else if path.extension().is_some_and(|e| e == ending) {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

impl Page {
    /// The rows of its tables, each as its cells, beside those of its table's head; without what is no table's.
    pub fn rows(&self) -> Vec<(Vec<&str>, Vec<&str>)> {
        let (mut head, mut rows, mut code) = (None, Vec::new(), false);
        for line in self.text.lines() {
            code ^= line.starts_with("```");
            if code || !line.starts_with('|') {
                head = None;
            } else if let Some(head) = &head {
                if !line.starts_with("|---") {
                    rows.push((Vec::clone(head), cells(line)));
                }
            } else {
                head = Some(cells(line));
            }
        }
        rows
    }

    /// The tests that it names: what stands in backquotes behind "Held by", and in the columns headed "test".
    pub fn tests(&self) -> BTreeSet<&str> {
        let lists = self.text.split("Held by ").skip(1).filter_map(|rest| rest.split("\n\n").next());
        let mut names: BTreeSet<&str> = lists.flat_map(quoted).collect();
        for (head, row) in self.rows() {
            let cells = head.iter().zip(&row).filter(|(head, _)| **head == "test");
            names.extend(cells.flat_map(|(_, cell)| quoted(cell)));
        }
        names
    }

    /// The blocks of texts that are shown, without their fences.
    pub fn texts(&self) -> Vec<&str> {
        self.text.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
    }
}

/// A row's cells. A bar with a backslash before it is a character of one.
fn cells(line: &str) -> Vec<&str> {
    let line = line.trim().trim_start_matches('|');
    let line = line.strip_suffix('|').unwrap_or(line);
    let (mut cells, mut from) = (Vec::new(), 0);
    for (at, _) in line.match_indices('|').filter(|(at, _)| !line[..*at].ends_with('\\')) {
        cells.push(line[from..at].trim());
        from = at + 1;
    }
    cells.push(line[from..].trim());
    cells
}

/// What stands in backquotes.
pub fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of the tests in the sources of a folder of the repository: functions behind an attribute that ends in `test`.
///
/// # Errors
/// Those of the file system.
pub fn tests_in(folder: &str) -> std::io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for path in files(&root().join(folder), "rs")? {
        let mut marked = false;
        for line in fs::read_to_string(path)?.lines().map(str::trim_start) {
            let attribute = line.strip_prefix("#[").map(|rest| rest.split(['(', ']']).next().unwrap_or_default());
            marked |= attribute.is_some_and(|name| name == "test" || name.ends_with("::test"));
            let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            if let Some(function) = function.filter(|_| std::mem::take(&mut marked)) {
                names.extend(function.split('(').next().map(str::to_owned));
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
