use std::fmt;
use std::ops::{Deref, DerefMut};

use sqlx::PgConnection;

use super::guard::Guard;

/// The driver's own connection, on loan from the pool.
///
/// It is closed afterwards: the driver hides the state it comes back in, so nobody else gets it.
pub struct RawConnection {
    guard: Guard,
}

impl RawConnection {
    pub(super) fn new(mut guard: Guard) -> Self {
        guard.condemn();
        Self { guard }
    }
}

impl Deref for RawConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.guard.session().conn
    }
}

impl DerefMut for RawConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.guard.session_mut().conn
    }
}

impl fmt::Debug for RawConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawConnection").finish_non_exhaustive()
    }
}
