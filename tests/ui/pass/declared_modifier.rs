use pgrepo::PgTable;

#[derive(PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(sql_type = "int8")]
    id: i64,
    #[pg(sql_type = "varchar(20)")]
    name: String,
    #[pg(sql_type = "varchar( 1 )")]
    nick: String,
    #[pg(sql_type = "bpchar(2)")]
    code: Option<String>,
}

#[derive(PgTable)]
#[pg(table = "counts")]
struct Count {
    #[pg(sql_type = "int8")]
    count: i64,
}

fn main() {}
