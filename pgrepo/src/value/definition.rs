use super::PgType;

/// How a type of the user's is made, as far as the Rust type says it; written by `#[derive(PgEnum)]` and by
/// `#[derive(PgNewtype)]` with a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeDefinition {
    /// An enum.
    Enum {
        /// Its name.
        ty: PgType,
        /// Its labels, in order.
        labels: &'static [&'static str],
    },
    /// A domain.
    Domain {
        /// Its name.
        ty: PgType,
        /// The type that it rests on.
        base: PgType,
        /// Whether it rests on an array of that.
        array: bool,
        /// How the type that it rests on is made, where that is the user's too.
        definition: Option<&'static TypeDefinition>,
    },
}

impl TypeDefinition {
    /// The type that is made.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::SqlType;
    /// #[derive(pgrepo::PgEnum)]
    /// #[pg(name = "mood", rename_all = "lowercase")]
    /// enum Mood { Sad, Happy }
    /// assert_eq!(Mood::DEFINITION.map(|made| made.ty().name), Some("mood"));
    /// ```
    pub const fn ty(&self) -> PgType {
        match *self {
            Self::Enum { ty, .. } | Self::Domain { ty, .. } => ty,
        }
    }
}
