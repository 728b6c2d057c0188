use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Lifetime, LitInt};

use crate::ast::{Absence, Field, Kind, Record};
use crate::generics::{self, bounds, parameter_in, rename};

use super::field::private;

/// What a field's type must be, where it depends on a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Describe,
    Read,
    Write,
}

impl Record<'_> {
    /// The lifetime of a struct that borrows.
    pub(crate) fn lifetime(&self) -> Option<&Lifetime> {
        self.input.generics.lifetimes().next().map(|l| &l.lifetime)
    }

    /// The fields that a new row has.
    pub(crate) fn new_fields(&self) -> impl Iterator<Item = &Field<'_>> {
        self.fields.iter().filter(|f| f.kind != Kind::Skip && !f.identity && !f.generated)
    }

    /// The bounds on those fields' types that depend on a parameter.
    pub(crate) fn needs(&self, need: Need) -> Vec<TokenStream> {
        let p = private(&self.krate);
        let dependent = self.fields.iter().filter(|f| parameter_in(&self.input.generics, f.ty).is_some());
        let mut needs: Vec<_> = dependent.flat_map(|f| self.need(&p, f, need)).collect();
        // The struct may ask its parameters to outlive its lifetime, which stands for any row's and for the table's.
        if need != Need::Describe && self.lifetime().is_some() {
            needs.extend(self.input.generics.type_params().map(|parameter| {
                let ident = &parameter.ident;
                quote!(#ident: 'static)
            }));
        }
        needs
    }

    fn need(&self, p: &TokenStream, field: &Field<'_>, need: Need) -> Vec<TokenStream> {
        let ty = field.optional().filter(|_| matches!(field.kind, Kind::Json | Kind::Driver)).unwrap_or(field.ty);
        let any = Lifetime::new("'__any", ty.span());
        let borrowed = || self.lifetime().map_or(quote!(#ty), |own| rename(ty, own, &any));
        match (field.kind, need) {
            (Kind::Skip, Need::Read) => vec![quote!(#ty: #p::Default)],
            (Kind::Skip | Kind::Flat, _) => vec![],
            (Kind::Json, Need::Read) => vec![quote!(#ty: #p::KeptAsJson + #p::ReadFromJson)],
            (Kind::Json, _) => vec![quote!(#ty: #p::KeptAsJson)],
            (Kind::Driver, Need::Describe) => vec![quote!(#ty: #p::DriverType)],
            (Kind::Driver, Need::Read) => vec![quote!(#ty: #p::DriverRead)],
            (Kind::Driver, Need::Write) => vec![quote!(#ty: #p::DriverWrite)],
            (Kind::Plain, Need::Describe) => vec![quote!(#ty: #p::SqlType)],
            (Kind::Plain, Need::Write) => vec![quote!(#ty: #p::Encode)],
            (Kind::Plain, Need::Read) => {
                let borrowed = borrowed();
                vec![quote!(#ty: #p::SqlType), quote!(for<'__any> #borrowed: #p::Decode<'__any>)]
            }
        }
    }

    /// The embedded structs' types, with `'static` for the struct's own lifetime: names do not depend on it.
    pub(super) fn still(&self, field: &Field<'_>) -> TokenStream {
        let ty = field.embedded();
        let still = Lifetime::new("'static", ty.span());
        self.lifetime().map_or(quote!(#ty), |own| rename(ty, own, &still))
    }
}

/// Describes, reads and writes.
pub(crate) fn impls(record: &Record<'_>) -> TokenStream {
    let read_only = record.table.as_ref().is_some_and(|t| t.read_only);
    let describe = describe(record);
    let read = read(record);
    let absent = record.fields.iter().any(|f| f.absence.is_some());
    let write = (!read_only && !absent).then(|| write(record));
    quote!(#describe #read #write)
}

fn describe(record: &Record<'_>) -> TokenStream {
    let p = private(&record.krate);
    let (impl_generics, ty_generics, _) = record.input.generics.split_for_impl();
    let bounds = bounds(&record.input.generics, &record.needs(Need::Describe));
    let name = &record.input.ident;
    let own: Vec<&Field<'_>> = record.fields.iter().filter(|f| f.is_column()).collect();
    let specs = own.iter().map(|f| f.spec(&p));
    let count = own.len();
    let mut place = 0_usize;
    let mut metas = Vec::new();
    let mut parts = Vec::new();
    let mut flats = Vec::new();
    let mut markers = 0_usize;
    let embeds = record.fields.iter().any(|f| f.kind == Kind::Flat);
    for field in record.fields.iter().filter(|f| f.kind != Kind::Skip) {
        let span = field.ty.span();
        if field.kind == Kind::Flat {
            let (ty, prefix) = (record.still(field), &field.column);
            if let Some(Absence::Marker(_)) = &field.absence {
                let name = field.ident.to_string();
                let spec = quote!(#p::Spec::new("is_present", #name, "bool").prefixed(#prefix).presence());
                parts.push(quote!(#p::Part::One(#spec)));
                metas.push(quote!(#p::Part::One(#p::ColumnMeta::of::<#p::bool>(#spec))));
                markers += 1;
            }
            let part = parts.len();
            parts.push(quote_spanned!(span=> #p::Part::Many(#prefix, <#ty as #p::Record>::SPECS)));
            metas.push(quote_spanned!(span=> #p::Part::Many(#prefix, #p::Flat::<#ty>::COLUMNS)));
            flats.push((part, field, ty));
        } else {
            let index = LitInt::new(&place.to_string(), span);
            place += 1;
            parts.push(quote!(#p::Part::One(__OWN[#index])));
            let meta = field.meta(&p, &quote!(__OWN[#index]));
            metas.push(if embeds { quote!(#p::Part::One(#meta)) } else { meta });
        }
    }
    let own_specs = quote!(const __OWN: [#p::Spec; #count] = [#(#specs),*];);
    let (layout, columns) = if flats.is_empty() {
        (quote!(const __SPECS: [#p::Spec; #count] = __OWN;), quote!(&[#(#metas),*]))
    } else {
        let types = flats.iter().map(|(.., ty)| ty);
        let checks = flats.iter().map(|(part, field, _)| {
            let at = field.ident.span();
            quote_spanned! {at=>
                const _: () = if #p::blames(&__PROBLEM, #part) {
                    ::core::panic!("{}", #p::message!(misplaced, #p::Option<#p::Problem>, __PROBLEM))
                };
            }
        });
        (
            quote! {
                const __COUNT: #p::usize = #count + #markers #(+ #p::Flat::<#types>::SPECS.len())*;
                const __PARTS: &[#p::Part<'static, #p::Spec>] = &[#(#parts),*];
                const __SPECS: [#p::Spec; __COUNT] = #p::sql::specs(__PARTS);
                const __PROBLEM: #p::Option<#p::Problem> = #p::problem(__PARTS, &__SPECS);
                #(#checks)*
            },
            quote!(&#p::sql::metas::<__COUNT>(&[#(#metas),*])),
        )
    };
    let declared = record.fields.iter().filter_map(|field| declared(record, field));
    let keyed = record.fields.iter().filter(|f| matches!(f.absence, Some(Absence::Key))).map(|field| {
        let ty = record.still(field);
        quote_spanned! {field.embedded().span()=>
            const _: fn() = || {
                fn absent_by_key<__E: #p::AbsentByKey>() {}
                absent_by_key::<#ty>();
            };
        }
    });
    quote! {
        #own_specs
        #layout
        #(#declared)*
        #(#keyed)*
        #[automatically_derived]
        impl #impl_generics #p::Record for #name #ty_generics #bounds {
            const SPECS: &'static [#p::Spec] = &__SPECS;
            const COLUMNS: &'static [#p::ColumnMeta] = #columns;
        }
    }
}

/// Checks that a field's type stands for the SQL type that is declared.
fn declared(record: &Record<'_>, field: &Field<'_>) -> Option<TokenStream> {
    let name = &field.sql_type.as_ref().filter(|_| field.kind != Kind::Driver)?.name;
    let p = private(&record.krate);
    let ty = field.column_type(&p);
    let ty = record.lifetime().map_or(ty.clone(), |own| rename(ty, own, &Lifetime::new("'static", own.span())));
    let rust = generics::source(field.ty);
    let value = quote!(#p::Undeclared { rust: #rust, types: #p::TypeOf::<#ty>::TYPES, name: #name });
    Some(quote_spanned! {name.span()=>
        const _: () = if #p::declared(#p::TypeOf::<#ty>::TYPES, #name).is_empty() {
            ::core::panic!("{}", #p::message!(undeclared, #p::Undeclared, #value))
        };
    })
}

fn read(record: &Record<'_>) -> TokenStream {
    let p = private(&record.krate);
    let generics = &record.input.generics;
    let (impl_generics, ty_generics, _) = generics.split_for_impl();
    let needs = record.needs(Need::Read);
    let where_read = bounds(generics, &needs);
    let name = &record.input.ident;
    let row = generics::row_lifetime();
    let row_arguments = generics::arguments(generics, &row);
    let own = record.lifetime();
    let fields = record.fields.iter().map(|f| f.read(&p, own));
    let copy_out = copy_out(record, &needs);
    let driver = driver_row(record, &needs);
    quote! {
        #[automatically_derived]
        impl #impl_generics #p::FromRow for #name #ty_generics #where_read {
            type Row<#row> = #name #row_arguments;
            const FIELDS: #p::Fields = #p::Fields::Named(<Self as #p::Record>::COLUMNS);
            #[inline]
            fn from_row<#row, __C: #p::Cells<#row>>(
                __cells: &mut __C,
            ) -> #p::Result<Self::Row<#row>, #p::FieldError> {
                #p::Ok(#name { #(#fields),* })
            }
        }
        #copy_out
        #driver
    }
}

/// The mark of types that COPY can be read into. The bound on an embedded struct names a lifetime, so that the
/// compiler looks at it where `CopyOut` is asked for and not here.
fn copy_out(record: &Record<'_>, needs: &[TokenStream]) -> Option<TokenStream> {
    if record.fields.iter().any(|f| f.kind == Kind::Driver) {
        return None;
    }
    let p = private(&record.krate);
    let generics = &record.input.generics;
    let (_, ty_generics, _) = generics.split_for_impl();
    let name = &record.input.ident;
    let parameters = without_defaults(generics);
    let embedded = record.fields.iter().filter(|f| f.kind == Kind::Flat).map(|f| {
        let ty = record.still(f);
        quote!(#ty: #p::CopyOutFor<'__c>)
    });
    let needs: Vec<_> = needs.iter().cloned().chain(embedded).collect();
    let bounds = bounds(generics, &needs);
    Some(quote! {
        #[automatically_derived]
        impl<'__c, #(#parameters),*> #p::CopyOut for #name #ty_generics #bounds {}
    })
}

/// sqlx's own trait, so that its queries can be read into the struct. Inlined, so that a crate which reads none of them
/// does not pay for the code.
fn driver_row(record: &Record<'_>, needs: &[TokenStream]) -> TokenStream {
    let p = private(&record.krate);
    let generics = &record.input.generics;
    let name = &record.input.ident;
    let row = generics::row_lifetime();
    let arguments = generics::arguments(generics, &row);
    let (impl_generics, _, _) = generics.split_for_impl();
    let bounds = bounds(generics, needs);
    let (impl_generics, bounds) = match record.lifetime() {
        Some(own) => (rename(impl_generics, own, &row), rename(bounds, own, &row)),
        None => {
            let parameters = without_defaults(generics);
            (quote!(<#row, #(#parameters),*>), bounds)
        }
    };
    quote! {
        #[automatically_derived]
        impl #impl_generics #p::sqlx::FromRow<#row, #p::PgRow> for #name #arguments #bounds {
            #[inline]
            fn from_row(__row: &#row #p::PgRow) -> #p::Result<Self, #p::sqlx::Error> {
                #p::from_pg_row::<Self>(__row)
            }
        }
    }
}

/// The parameters of a struct as those of an impl.
pub(crate) fn without_defaults(generics: &syn::Generics) -> impl Iterator<Item = syn::GenericParam> {
    generics.params.iter().cloned().map(|mut parameter| {
        match &mut parameter {
            syn::GenericParam::Type(ty) => ty.default = None,
            syn::GenericParam::Const(constant) => constant.default = None,
            syn::GenericParam::Lifetime(_) => {}
        }
        parameter
    })
}

fn write(record: &Record<'_>) -> TokenStream {
    let p = private(&record.krate);
    let mut needs = record.needs(Need::Write);
    // A record may embed one that is only read, and is then only read itself. The bound names a lifetime, so that the
    // compiler looks at it where the record is written and not here.
    let embedded = record.fields.iter().filter(|f| f.kind == Kind::Flat && record.table.is_none());
    let embedded: Vec<_> = embedded.map(Field::embedded).collect();
    let (parameters, (_, ty_generics, _)) =
        (without_defaults(&record.input.generics), record.input.generics.split_for_impl());
    let impl_generics = if embedded.is_empty() {
        quote!(<#(#parameters),*>)
    } else {
        needs.extend(embedded.iter().map(|ty| quote!(#ty: #p::WrittenFor<'__c>)));
        quote!(<'__c, #(#parameters),*>)
    };
    let bounds = bounds(&record.input.generics, &needs);
    let name = &record.input.ident;
    let fields = record.fields.iter().filter(|f| f.kind != Kind::Skip && !f.generated);
    let writes = fields.map(|f| f.write(&p, false));
    let columns = if record.fields.iter().any(|f| f.generated || f.kind == Kind::Flat) {
        quote!(&#p::kept::<{ #p::count(&__SPECS, true) }>(<Self as #p::Record>::COLUMNS, true))
    } else {
        quote!(<Self as #p::Record>::COLUMNS)
    };
    quote! {
        #[automatically_derived]
        impl #impl_generics #p::WriteFields for #name #ty_generics #bounds {
            const COLUMNS: &'static [#p::ColumnMeta] = #columns;
            #[inline]
            fn write_fields<__W: #p::FieldWriter>(&self, __writer: &mut __W) -> #p::Result<(), #p::FieldError> {
                #(#writes)*
                #p::Ok(())
            }
        }
    }
}
