//! A table's shape as the comparison asks for it.

use crate::table::{ConstraintMetaKind, Description, Made, Name, TableColumn, TableName};
use crate::value::TypeInfo;

use super::diff::FilledBy;
use super::shape::{ColumnShape, ConstraintShape, IndexShape, TableShape};

/// A table as it is.
pub(super) struct Live {
    /// Whether it is a view, whose columns are what its query makes them.
    pub(super) view: bool,
    /// Whether rows cannot be inserted.
    pub(super) takes_no_rows: bool,
    pub(super) schema: String,
    /// The columns as a COPY looks at them.
    pub(super) description: Description,
    pub(super) columns: Vec<LiveColumn>,
    pub(super) primary_key: Option<Key>,
    /// What is unique as a whole: constraints and indexes without a condition, the primary key too.
    pub(super) unique: Vec<Key>,
    /// The other constraints.
    pub(super) others: Vec<(ConstraintMetaKind, String)>,
    pub(super) indexes: Vec<LiveIndex>,
    /// The names of all indexes.
    pub(super) names: Vec<String>,
    /// The names of all constraints, of which some have an index of that name.
    pub(super) constraints: Vec<String>,
}

/// A column as it is.
pub(super) struct LiveColumn {
    pub(super) name: String,
    pub(super) ty: TypeInfo,
    /// What limits the type's values.
    pub(super) modifier: Option<String>,
    pub(super) nullable: bool,
    pub(super) made: Made,
    pub(super) identity: bool,
    /// Whether it is computed when it is read.
    pub(super) is_virtual: bool,
    /// The SQL of its default.
    pub(super) default: Option<String>,
    /// Of an enum, an array of one or a domain over one.
    pub(super) labels: Option<Enum>,
}

/// An enum in the database.
pub(super) struct Enum {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) quoted: String,
    pub(super) labels: Vec<String>,
}

/// An index as it is.
pub(super) struct LiveIndex {
    pub(super) name: String,
    /// What stands behind the table's name.
    pub(super) sql: String,
    /// Whether the server uses it.
    pub(super) valid: bool,
    /// Whether it keeps rows apart, all or some.
    pub(super) unique: bool,
}

/// A key or a unique set.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    /// Whether it may be checked at the end of the transaction only.
    pub(super) deferrable: bool,
}

impl Live {
    pub(super) fn column(&self, name: &Name) -> Option<&LiveColumn> {
        self.columns.iter().find(|column| *name == *column.name)
    }
}

impl LiveColumn {
    /// Its type with what limits the values.
    pub(super) fn full_type(&self) -> String {
        let (ty, modifier) = (self.ty.to_string(), self.modifier.as_deref().unwrap_or_default());
        ty.strip_suffix("[]").map_or_else(|| format!("{ty}{modifier}"), |element| format!("{element}{modifier}[]"))
    }

    pub(super) fn filled_by(&self) -> FilledBy {
        match self.made {
            Made::Plain => FilledBy::Writer,
            Made::Default if self.identity => FilledBy::Identity,
            Made::Default => FilledBy::DefaultValue,
            Made::Always => FilledBy::IdentityAlways,
            Made::Generated => FilledBy::Generated,
        }
    }
}

impl Live {
    pub(super) fn of(shape: &TableShape) -> Self {
        let columns: Vec<LiveColumn> = shape.columns.iter().map(|column| LiveColumn::of(column, shape)).collect();
        let described =
            columns.iter().map(|c| TableColumn { name: c.name.clone(), ty: c.ty.clone(), made: c.made }).collect();
        let deferrable = |name: &str| {
            let of_it = |one: &&ConstraintShape| one.name == name && matches!(&*one.kind, "p" | "u");
            shape.constraints.iter().find(of_it).is_some_and(ConstraintShape::deferrable)
        };
        let key = |name: &str, columns: &[String]| Key {
            name: name.to_owned(),
            columns: columns.to_vec(),
            deferrable: deferrable(name),
        };
        let valid = || shape.indexes.iter().filter(|index| index.valid);
        let unique = valid().filter(|index| index.unique && !index.columns.is_empty());
        Self {
            view: matches!(&*shape.kind, "v" | "m"),
            takes_no_rows: !shape.takes_rows,
            schema: shape.schema.clone(),
            description: Description { columns: described },
            columns,
            primary_key: shape.constraints.iter().find(|one| one.kind == "p").map(|one| key(&one.name, &one.columns)),
            unique: unique.map(|index| key(&index.name, &index.columns)).collect(),
            others: shape.constraints.iter().filter_map(|one| Some((kind(&one.kind)?, one.name.clone()))).collect(),
            indexes: shape.indexes.iter().map(LiveIndex::of).collect(),
            names: shape.indexes.iter().map(|index| index.name.clone()).collect(),
            constraints: shape.constraints.iter().map(|one| one.name.clone()).collect(),
        }
    }
}

fn kind(letter: &str) -> Option<ConstraintMetaKind> {
    match letter {
        "c" => Some(ConstraintMetaKind::Check),
        "f" => Some(ConstraintMetaKind::ForeignKey),
        "x" => Some(ConstraintMetaKind::Exclude),
        _ => None,
    }
}

impl LiveIndex {
    fn of(index: &IndexShape) -> Self {
        let unique = index.unique || index.definition.starts_with("CREATE UNIQUE ");
        Self { name: index.name.clone(), sql: behind_the_table(&index.definition), valid: index.valid, unique }
    }
}

/// `USING …` of what the server says about an index, without its storage parameters.
fn behind_the_table(definition: &str) -> String {
    // A name may hold the word as well.
    let word = definition.match_indices(" USING ").map(|(at, _)| definition.split_at(at));
    let sql = word
        .filter(|(before, _)| before.matches('"').count().is_multiple_of(2))
        .map(|(_, sql)| sql.trim_start())
        .next();
    let sql = sql.unwrap_or(definition);
    // They stand at the end, or before a condition, which makes it another index anyway.
    let stored = sql.rsplit_once(" WITH (").filter(|(_, with)| with.find(['(', ')']) == with.len().checked_sub(1));
    stored.map_or(sql, |(before, _)| before).to_owned()
}

impl LiveColumn {
    fn of(column: &ColumnShape, shape: &TableShape) -> Self {
        let labels = shape.enum_of(&column.ty).map(|ty| Enum {
            schema: ty.schema.clone(),
            name: ty.name.clone(),
            quoted: TableName { schema: Some(&ty.schema), name: &ty.name }.quoted(),
            labels: ty.labels.clone().unwrap_or_default(),
        });
        Self {
            name: column.name.clone(),
            ty: shape.type_info(&column.ty),
            modifier: column.modifier.clone(),
            nullable: column.nullable,
            made: column.made(),
            identity: column.identity.is_some(),
            is_virtual: column.is_virtual,
            default: column.default.clone(),
            labels,
        }
    }
}
