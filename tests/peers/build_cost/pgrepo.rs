pub mod TABLE {
    use crate::{DateTime, Profile, Utc, Uuid};
    use pgrepo::Json;

    #[cfg_attr(feature = "derived", derive(pgrepo::PgTable), pg(table = "TABLE"))]
    pub struct Row {
FIELDS
    }
}
