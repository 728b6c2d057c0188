#![allow(clippy::unwrap_used, reason = "a test's failure is its message")]

use super::*;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn page(name: &str) -> Page {
    pages().unwrap().into_iter().find(|page| page.name == name).unwrap()
}

#[test]
fn tables_tests_and_texts_of_a_page_are_found() {
    let text = "| a | test |\n|---|---|\n| `x` | `one`, `m::two` |\n| 1 \\| 2 | |\n\nHeld by `three`,\n`four`.\n\n\
                `five`\n\n```text\n| no | table |\nsaid\n```\n";
    let page = Page { name: "p".to_owned(), text: text.to_owned() };
    let head = vec!["a", "test"];
    assert_eq!(page.rows(), [(head.clone(), vec!["`x`", "`one`, `m::two`"]), (head, vec!["1 \\| 2", ""])]);
    assert_eq!(page.tests().into_iter().collect::<Vec<_>>(), ["four", "m::two", "one", "three"]);
    assert_eq!(page.texts(), ["| no | table |\nsaid\n"]);
}

/// A page that is not included is not shown, and its snippets are not compiled.
#[test]
fn every_page_is_in_the_guide_and_in_its_index() {
    let guide = read("pgrepo/src/guide.rs");
    for Page { name, text } in pages().unwrap() {
        let module = name.replace('-', "_");
        assert!(guide.contains(&format!("include_str!(\"../docs/guide/{name}.md\")")), "guide.rs lacks {name}.md");
        assert!(guide.contains(&format!("pub mod {module} {{}}")), "guide.rs has no module {module}");
        assert!(guide.contains(&format!("]({module}) |")), "the index has no {module}");
        assert!(text.starts_with("# "), "{name} begins without a heading");
    }
    for picture in files(&root().join("pgrepo/docs/guide"), "svg").unwrap() {
        let name = picture.file_name().unwrap().to_string_lossy().into_owned();
        assert!(guide.contains(&format!("include_str!(\"../docs/guide/{name}\")")), "guide.rs lacks {name}");
    }
}

/// A link is checked by rustdoc; a name that is only written is not. Attributes, variables of the environment and kinds of
/// errors have no place to lead to.
#[test]
fn what_tables_say_to_call_is_linked() {
    const COLUMNS: [&str; 4] = ["what to call", "ask", "go to", "pgrepo"];
    let (mut links, mut bare) = (0, Vec::new());
    for page in pages().unwrap() {
        for (head, row) in page.rows() {
            let columns =
                head.iter().zip(&row).filter(|(head, _)| COLUMNS.iter().any(|column| head.starts_with(column)));
            for (_, cell) in columns {
                let parts: Vec<&str> = cell.split('`').collect();
                for pair in parts.chunks(2).filter(|pair| pair.len() == 2) {
                    let (before, name) = (pair[0], pair[1]);
                    let is_name = name.chars().all(|c| c.is_alphanumeric() || "_:!".contains(c));
                    let is_variable = name.chars().all(|c| c.is_uppercase() || c.is_numeric() || c == '_');
                    links += usize::from(before.ends_with('['));
                    if is_name && !is_variable && !before.ends_with('[') && !KNOWN.contains(&name) {
                        bare.push(format!("{}: {name} in {cell}", page.name));
                    }
                }
            }
        }
    }
    assert!(bare.is_empty(), "no links: {bare:#?}");
    assert!(links > 200, "{links} links");
}

/// What has no page in the documentation: of sqlx, of other crates, of the project.
const KNOWN: &[&str] = &[
    "PgListener",
    "FromRow",
    "Migrator",
    "metrics",
    "via_sqlx",
    "copy_out",
    "LIMIT",
    "query!",
    "migrate!",
    "execute_script",
    "tracing",
];

#[test]
fn the_features_are_those_of_the_package() {
    let manifest = read("pgrepo/Cargo.toml");
    let features = manifest.split("[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let lines = features.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    let (default, others): (Vec<_>, Vec<_>) = lines.partition(|(name, _)| *name == "default");
    let default = default[0].1;
    let said: BTreeSet<_> = others
        .iter()
        .map(|(name, _)| {
            (format!("`{name}`"), if default.contains(&format!("\"{name}\"")) { "yes" } else { "no" }.to_owned())
        })
        .collect();
    let page = page("deploying");
    let rows = page.rows();
    let table = rows.iter().filter(|(head, _)| *head == ["feature", "default", "gives"]);
    let shown: BTreeSet<_> = table.map(|(_, row)| (row[0].to_owned(), row[1].to_owned())).collect();
    assert_eq!(shown, said);
}

#[test]
fn the_versions_are_those_of_the_package() {
    let manifest = read("Cargo.toml");
    let value = |name: &str| {
        let line = manifest.lines().find_map(|line| line.strip_prefix(&format!("{name} = "))).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let (rust, sqlx) = (value("rust-version"), value("sqlx"));
    let page = page("deploying").text;
    for text in [format!("| Rust | {rust} or later"), format!("FROM rust:{rust} AS build"), format!("| sqlx | {sqlx}:")]
    {
        assert!(page.contains(&text), "the page of deploying does not say {text:?}");
    }
}

/// The page of deploying says what is Unix only: whoever adds to it should look there.
#[test]
fn what_is_unix_only_is_what_the_table_of_platforms_says() {
    let src = root().join("pgrepo/src");
    let mut found = BTreeSet::new();
    for path in files(&src, "rs").unwrap() {
        let text = fs::read_to_string(&path).unwrap();
        let is_unix = |line: &str| line.trim_start().starts_with("#[cfg(") && line.contains("unix");
        if text.lines().any(is_unix) {
            found.insert(path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/"));
        }
    }
    let expected = [
        // modes of password files and of keys
        "config/env/tests.rs",
        "config/pgpass.rs",
        "config/tls.rs",
        // the testkit and its attribute
        "lib.rs",
        // statements that tests count, which is the testkit's
        "observe/about.rs",
        "observe/mod.rs",
        // TCP_NODELAY
        "pool/connect.rs",
        "pool/mod.rs",
        // the testkit's statements again
        "pool/slow.rs",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
    let rows = page("deploying").text;
    for row in ["| TCP_NODELAY on", "| modes of key and password files", "| `testkit`, `#[pgrepo::test]` |"] {
        assert!(rows.contains(row), "the table of platforms lacks {row}");
    }
}

/// The peers' package compiles it, which has these libraries.
#[test]
fn what_is_shown_of_others_is_code_that_compiles() {
    let lines = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let compiled = lines(&read("tests/peers/coming_from.rs"));
    let page = page("coming-from");
    let shown: Vec<_> = page.texts().into_iter().filter_map(|text| text.strip_prefix("// ")).collect();
    assert_eq!(shown.len(), 2);
    for text in shown {
        let (library, code) = text.split_once('\n').unwrap();
        assert!(compiled.contains(lines(code).trim_end()), "{library}: coming_from.rs does not hold\n{code}");
    }
}
