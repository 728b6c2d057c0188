//! Whether each public function and method of pgrepo has an example, as the sources say it.
//!
//! It goes by the text: a `pub fn` is a part of the API, since the lint `unreachable_pub` is an error in the checks. That
//! the examples compile is what `cargo test --doc` shows.

use std::path::{Path, PathBuf};

/// Public for what the derives write, and hidden from the documentation: each file, and the functions of it, all if
/// none is named.
const HIDDEN: &[(&str, &[&str])] = &[
    ("driver_row.rs", &[]),
    ("query/changes.rs", &["change"]),
    ("schema/registry.rs", &[]),
    ("table/expand.rs", &[]),
    ("table/field.rs", &[]),
    ("table/insert.rs", &[]),
    ("table/optional.rs", &[]),
    ("table/problem.rs", &[]),
    ("table/projection.rs", &[]),
    ("table/sql.rs", &[]),
    ("table/unique.rs", &["version", "has_column"]),
    ("table/wrapped.rs", &[]),
    ("value/derived.rs", &[]),
];

/// A function that users can call.
#[derive(Debug, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its line in the file, from 1.
    pub line: usize,
    /// Whether its documentation, or that of the trait that declares it, has an example.
    pub shown: bool,
}

/// The public functions of a source file, but for those that are marked as hidden.
pub fn functions(source: &str) -> Vec<Function> {
    let lines: Vec<&str> = source.lines().collect();
    let mut all = Vec::new();
    // The public trait that a line is in: how far it is indented, and whether its own documentation has an example.
    let mut within: Option<(usize, bool)> = None;
    for (i, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if text.starts_with("pub trait ") && !text.ends_with("{}") {
            within = Some((indent, Doc::above(&lines, i).shown));
        } else if text.starts_with('}') && within.is_some_and(|(of, _)| of == indent) {
            within = None;
        }
        let declared = within.filter(|(of, _)| indent == of + 4);
        let Some(name) = name(text, declared.is_some()) else { continue };
        let doc = Doc::above(&lines, i);
        if !doc.hidden {
            let shown = doc.shown || declared.is_some_and(|(_, shown)| shown);
            all.push(Function { name: name.to_owned(), line: i + 1, shown });
        }
    }
    all
}

/// The name of the function that begins in a line, if it is public.
fn name(line: &str, in_trait: bool) -> Option<&str> {
    let mut rest = line.strip_prefix("pub ").or(in_trait.then_some(line))?;
    for word in ["const ", "async ", "unsafe "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    rest.strip_prefix("fn ")?.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// What stands above an item.
#[derive(Default)]
struct Doc {
    shown: bool,
    hidden: bool,
}

impl Doc {
    /// Goes up from the item's line, over its attributes and its documentation.
    fn above(lines: &[&str], item: usize) -> Self {
        let mut doc = Self::default();
        let (mut fence, mut inside_attribute) = (false, false);
        for line in lines[..item].iter().rev().map(|l| l.trim()) {
            if let Some(text) = line.strip_prefix("///") {
                fence |= text.trim_start().starts_with("```");
                doc.shown |= fence && text.trim() == "# Examples";
            } else if line.starts_with("#[") {
                inside_attribute = false;
                doc.hidden |= line == "#[doc(hidden)]";
            } else if line.ends_with(")]") {
                inside_attribute = true;
            } else if !inside_attribute {
                break;
            }
        }
        doc
    }
}

/// What is wrong with the examples of the sources in a folder, a line each; and how many functions there are.
pub fn missing(folder: &Path) -> std::io::Result<(Vec<String>, usize)> {
    let (mut wrong, mut count) = (Vec::new(), 0);
    let mut needless: Vec<(&str, &str)> =
        HIDDEN.iter().flat_map(|(file, names)| names.iter().map(move |name| (*file, *name))).collect();
    needless.extend(HIDDEN.iter().filter(|(_, names)| names.is_empty()).map(|(file, _)| (*file, "")));
    for path in sources(folder)? {
        let file = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let hidden = HIDDEN.iter().find(|(hidden, _)| *hidden == file).map(|(_, names)| *names);
        for function in functions(&std::fs::read_to_string(&path)?) {
            let exempt = hidden.is_some_and(|names| names.is_empty() || names.contains(&&*function.name));
            if exempt {
                needless.retain(|(of, name)| *of != file || !(name.is_empty() || *name == function.name));
                continue;
            }
            count += 1;
            if !function.shown {
                wrong.push(format!("{file}:{}: `{}` has no `# Examples`", function.line, function.name));
            }
        }
    }
    wrong.extend(needless.iter().map(|(file, name)| format!("{file}: the exception {name:?} is for nothing")));
    Ok((wrong, count))
}

/// The files of Rust in a folder and those in it, in order.
fn sources(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(sources(&path)?);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its message")]
mod tests {
    use super::*;

    #[test]
    fn each_public_function_has_an_example() {
        let (wrong, count) = missing(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../pgrepo/src")).unwrap();
        assert!(wrong.is_empty(), "{} public functions are not shown:\n{}", wrong.len(), wrong.join("\n"));
        assert!(count > 400, "only {count} public functions were found");
    }

    #[test]
    fn what_counts_as_a_function_with_an_example() {
        let source = r#"
impl Db {
    /// Told.
    ///
    /// # Examples
    /// ```no_run
    /// pub fn in_an_example() {}
    /// ```
    #[allow(
        clippy::manual_async_fn,
        reason = "so (it is)]"
    )]
    pub async fn shown(&self) {}

    /// # Examples
    /// Words only.
    pub const fn words() {}

    pub fn bare() {}
    /// ```
    /// ```
    pub fn without_a_heading() {}
    #[doc(hidden)]
    pub fn hidden() {}
    fn private() {}
    pub(crate) fn inner() {}
}

/// # Examples
/// ```
/// ```
pub trait Told {
    fn by_the_trait(&self);
}
pub trait Untold {
    fn untold(&self) {
        fn within() {}
    }
    /// # Examples
    /// ```
    /// ```
    fn by_itself(&self);
}
impl Told for Db {
    fn by_the_trait(&self) {}
}
"#;
        let found: Vec<_> = functions(source).into_iter().map(|f| (f.name, f.shown)).collect();
        let found: Vec<_> = found.iter().map(|(name, shown)| (&**name, *shown)).collect();
        let wanted = [
            ("shown", true),
            ("words", false),
            ("bare", false),
            ("without_a_heading", false),
            ("by_the_trait", true),
            ("untold", false),
            ("by_itself", true),
        ];
        assert_eq!(found, wanted);
    }
}
