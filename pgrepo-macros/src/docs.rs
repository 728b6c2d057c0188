use syn::{Attribute, Expr, Lit, Meta};

/// The documentation of an item as one text, without the space that stands before each line.
pub(crate) fn text(attrs: &[Attribute]) -> String {
    of(&attrs.iter().filter(|attr| attr.path().is_ident("doc")).collect::<Vec<_>>())
}

/// The same of the attributes `doc` alone.
pub(crate) fn of(docs: &[&Attribute]) -> String {
    let lines = docs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(doc) => match &doc.value {
            Expr::Lit(lit) => match &lit.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    lines.join("\n").trim().replace('\0', "")
}
