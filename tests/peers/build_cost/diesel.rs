pub mod TABLE {
    use crate::{DateTime, Utc, Uuid};
    use serde_json::Value;

    #[cfg(feature = "derived")]
    diesel::table! {
        TABLE (column_0) {
COLUMNS
        }
    }

    #[cfg_attr(
        feature = "derived",
        derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
        diesel(table_name = TABLE, check_for_backend(diesel::pg::Pg))
    )]
    pub struct Row {
FIELDS
    }
}
