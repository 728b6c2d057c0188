//! The derive macros of pgrepo.
