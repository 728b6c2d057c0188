//! Whether the indexes that a struct declares are there.

use crate::table::{ConstraintMetaKind, IndexMeta, TableName};

use super::ddl;
use super::diff::{DifferenceKind, Mend, Severity};
use super::live::{Live, LiveIndex};
use super::mend;

use super::compare::Found;

const REPLACES: &str = "drops the index that has its name";

pub(super) fn compare(found: &mut Found<'_>, live: &Live) {
    for index in found.meta.declared_indexes() {
        let wanted = normal(&index.sql);
        let is_it = |one: &LiveIndex| normal(&one.sql) == wanted || index.written && one.name == index.name;
        if live.indexes.iter().filter(|one| one.valid).any(is_it) {
            continue;
        }
        let other = live.indexes.iter().find(|one| one.name == index.name);
        let mend = make(found, live, &index, other);
        // One that could not be built is what is declared, and of no use.
        let other = other.filter(|one| one.valid).map(|one| one.sql.clone());
        let kind = DifferenceKind::IndexMissing { declared: index.name, found: other };
        found.push(None, kind, Severity::Differs, mend);
    }
}

/// Makes an index. What has its name gives way if it is an index that nothing rests on.
fn make(found: &Found<'_>, live: &Live, index: &IndexMeta, other: Option<&LiveIndex>) -> Mend {
    let make = mend::statement(index.ddl(&ddl::quoted(found.meta)));
    let Some(other) = other else { return make };
    let exclusion = live.others.iter().any(|(kind, name)| *kind == ConstraintMetaKind::Exclude && *name == other.name);
    if other.unique || exclusion {
        let advice = "give the index another name: what has this one keeps rows apart".to_owned();
        return Mend { advice: Some(advice), ..Mend::default() };
    }
    let there = TableName { schema: Some(&live.schema), name: &other.name }.quoted();
    let statements = [format!("DROP INDEX {there}")].into_iter().chain(make.statements).collect();
    Mend { statements, loses: other.valid.then_some(REPLACES), advice: None }
}

/// What an index is of, without what the server writes otherwise than we do: parentheses, casts to text, quotation marks,
/// the method that needs no name, and the NULL that a CASE has anyway. What is quoted stays apart from what is not.
fn normal(sql: &str) -> String {
    let sql = sql.strip_prefix("USING btree ").unwrap_or(sql);
    let sql = sql.replace("::text", "").replace("::boolean", "::bool");
    let (mut quoted, mut text) = (false, String::with_capacity(sql.len()));
    for c in sql.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if quoted => text.push('\u{1}'),
            '(' | ')' | ' ' | '\n' if !quoted => {}
            c => text.push(c),
        }
    }
    text.replace("ELSENULL::numeric", "").replace("ELSENULL::bool", "")
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn an_index_is_the_same_however_it_is_written() {
        for (ours, servers) in [
            (r#"USING btree ("a", "b")"#, "USING btree (a, b)"),
            (r#"USING btree ("a b")"#, r#"USING btree ("a b")"#),
            (r#"((("doc" ->> 'city')))"#, "USING btree (((doc ->> 'city'::text)))"),
        ] {
            assert_eq!(normal(ours), normal(servers));
        }
        for (one, other) in [
            (r#"USING btree ("a b")"#, "USING btree (ab)"),
            (r#"USING btree ("a,b")"#, "USING btree (a, b)"),
            (r#"USING btree ("a")"#, "USING btree (a DESC)"),
            (r#"USING btree ("a")"#, "USING hash (a)"),
        ] {
            assert_ne!(normal(one), normal(other));
        }
    }
}
