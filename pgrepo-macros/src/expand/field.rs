use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use crate::ast::{Absence, Field, Kind};
use crate::docs;
use crate::generics::{rename, source};
use crate::sql_type::SqlType;

/// Where generated code finds what it names.
pub(crate) fn private(krate: &Path) -> TokenStream {
    quote!(#krate::__private)
}

impl Field<'_> {
    /// How the runtime crate walks such a field, without the field's type.
    fn walker(&self) -> (&'static str, TokenStream) {
        match (self.kind, self.optional()) {
            (Kind::Json, Some(inner)) => ("JsonOption", inner.to_token_stream()),
            (Kind::Json, None) => ("JsonField", self.ty.to_token_stream()),
            (Kind::Driver, Some(inner)) => ("DriverOption", inner.to_token_stream()),
            (Kind::Driver, None) => ("DriverField", self.ty.to_token_stream()),
            (Kind::Flat, _) => {
                let walker = match &self.absence {
                    None => "Flat",
                    Some(Absence::Key) => "OptionalByKey",
                    Some(Absence::Marker(_)) => "OptionalByMarker",
                };
                (walker, self.embedded().to_token_stream())
            }
            (Kind::Plain | Kind::Skip, _) => ("Field", self.ty.to_token_stream()),
        }
    }

    /// The walker with its type; errors about the type stand at the user's own.
    fn walk(&self, p: &TokenStream, ty: impl Fn(TokenStream) -> TokenStream) -> TokenStream {
        let (walker, inner) = self.walker();
        let span = self.ty.span();
        let walker = syn::Ident::new(walker, span);
        let inner = ty(inner);
        quote_spanned!(span=> #p::#walker::<#inner>)
    }

    /// The type of the field's column.
    pub(crate) fn column_type(&self, p: &TokenStream) -> TokenStream {
        let (walker, inner) = self.walker();
        match walker {
            "JsonOption" => quote!(#p::Option<#p::Json<#inner>>),
            "JsonField" => quote!(#p::Json<#inner>),
            "DriverOption" => quote!(#p::Option<#p::ViaSqlx<#inner>>),
            "DriverField" => quote!(#p::ViaSqlx<#inner>),
            _ => inner,
        }
    }

    /// The column's names and marks.
    pub(crate) fn spec(&self, p: &TokenStream) -> TokenStream {
        let (column, field, ty) = (&self.column, self.ident.to_string(), source(self.ty));
        let field = field.strip_prefix("r#").unwrap_or(&field);
        let mut spec = quote!(#p::Spec::new(#column, #field, #ty));
        let marks = [
            (self.primary_key, "primary_key"),
            (self.identity, "identity"),
            (self.generated, "generated"),
            (self.default, "default_value"),
            (self.version, "version"),
        ];
        for (_, mark) in marks.iter().filter(|(given, _)| *given) {
            let mark = syn::Ident::new(mark, self.ident.span());
            spec = quote!(#spec.#mark());
        }
        if let Some(sql) = &self.expression {
            spec = quote!(#spec.expression(#sql));
        }
        let doc = docs::of(&self.docs);
        if !doc.is_empty() {
            spec = quote!(#spec.documented(#doc));
        }
        spec
    }

    /// The column's description: the one place where the type's bounds are asserted.
    pub(crate) fn meta(&self, p: &TokenStream, spec: &TokenStream) -> TokenStream {
        let (walker, inner) = self.walker();
        let span = self.ty.span();
        let meta = match walker {
            "JsonOption" => quote_spanned!(span=> #p::json_column::<#inner>(#spec).nullable()),
            "JsonField" => quote_spanned!(span=> #p::json_column::<#inner>(#spec)),
            "DriverOption" => quote_spanned!(span=> #p::driver_column::<#inner>(#spec).nullable()),
            "DriverField" => quote_spanned!(span=> #p::driver_column::<#inner>(#spec)),
            _ => quote_spanned!(span=> #p::ColumnMeta::of::<#inner>(#spec)),
        };
        let Some(SqlType { name, modifier }) = &self.sql_type else { return meta };
        let declared = if self.kind == Kind::Driver {
            quote!(#meta.declared(const { &[#p::PgType::named(#name)] }))
        } else {
            let ty = self.column_type(p);
            quote!(#meta.declared(#p::declared(#p::TypeOf::<#ty>::TYPES, #name)))
        };
        if modifier.is_empty() { declared } else { quote!(#declared.modifier(#modifier)) }
    }

    /// Reads the field from the next cells; `'__r` stands for the struct's own lifetime.
    pub(crate) fn read(&self, p: &TokenStream, own: Option<&syn::Lifetime>) -> TokenStream {
        let name = self.ident;
        let row = crate::generics::row_lifetime();
        let borrowed = |ty: TokenStream| own.map_or(ty.clone(), |own| rename(ty, own, &row));
        if self.kind == Kind::Skip {
            let ty = borrowed(self.ty.to_token_stream());
            return quote_spanned!(self.ty.span()=> #name: #p::skipped::<#ty>());
        }
        let still = |ty: TokenStream| {
            own.map_or(ty.clone(), |own| rename(ty, own, &syn::Lifetime::new("'static", own.apostrophe)))
        };
        let walk = if self.kind == Kind::Flat { self.walk(p, still) } else { self.walk(p, borrowed) };
        quote_spanned!(self.ty.span()=> #name: #walk::read(__cells)?)
    }

    /// Hands the field over.
    pub(crate) fn write(&self, p: &TokenStream, set: bool) -> TokenStream {
        let name = self.ident;
        let walk = self.walk(p, |ty| ty);
        let write = syn::Ident::new(if set { "write_set" } else { "write" }, self.ty.span());
        quote_spanned!(self.ty.span()=> #walk::#write(&self.#name, __writer)?;)
    }
}
