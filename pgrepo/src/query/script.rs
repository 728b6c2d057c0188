use crate::error::Result;
use crate::pool::{Handle, Watch, driver};

use super::text;

/// Runs statements by the simple protocol.
pub(crate) async fn script<H: Handle>(on: H, sql: &str) -> Result<()> {
    const OPERATION: &str = "execute_script";
    text::check(sql, H::IN_TRANSACTION).map_err(|e| e.during(OPERATION))?;
    let mut lease = on.lend().lease().await.map_err(|e| e.during(OPERATION))?;
    let _watch = Watch::begin(lease.slow_statement(), OPERATION, || sql.into());
    let mut step = lease.step().map_err(|e| e.during(OPERATION))?;
    let ran = driver::script(step.session(), sql).await;
    step.settle(ran).map_err(|e| e.during(OPERATION))
}
