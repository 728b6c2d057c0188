use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Lifetime, LitStr};

use crate::ast::{Kind, Record, Table};
use crate::generics::{self, bounds};
use crate::index::Of;

use super::field::private;
use super::record::Need;

/// What a table adds to its columns.
pub(crate) fn impls(record: &Record<'_>, table: &Table) -> TokenStream {
    let p = private(&record.krate);
    let (impl_generics, ty_generics, _) = record.input.generics.split_for_impl();
    let describe = bounds(&record.input.generics, &record.needs(Need::Describe));
    let name = &record.input.ident;
    let (table_name, schema) = (&table.name, schema(&p, table.schema.as_ref()));
    let read_only = table.read_only.then(|| quote!(.read_only()));
    let (struct_name, doc) = (name.unraw().to_string(), &table.doc);
    let constraints = super::constraint::metas(record, table);
    let indexes = indexes(record, table);
    let register = register(record);
    let key = primary_key(record);
    let write = (!table.read_only).then(|| {
        let write = bounds(&record.input.generics, &record.needs(Need::Write));
        let still = still(record);
        quote! {
            #[automatically_derived]
            impl #impl_generics #p::WriteRow for #name #ty_generics #write {
                type Table = #name #still;
            }
        }
    });
    let sets = sets(record, table);
    let sets = quote!(#(#sets)*);
    let version = record.fields.iter().find(|f| f.version).map(|field| {
        let ty = field.ty;
        quote_spanned!(ty.span()=> const _: () = #p::version::<#ty>();)
    });
    quote! {
        const __LAYOUT: #p::Layout<'static> =
            #p::Layout { schema: #schema, table: #table_name, columns: &__SPECS };
        #[automatically_derived]
        impl #impl_generics #p::PgTable for #name #ty_generics #describe {
            const TABLE: #p::TableMeta =
                #p::TableMeta::new(#schema, #table_name, <Self as #p::Record>::COLUMNS)
                    .of_struct(#struct_name, #doc)
                    .constraints(#constraints)
                    #indexes
                    #read_only;
            const SELECT: &'static #p::str = #p::statement!(select, __LAYOUT);
            const COPY_IN: &'static #p::str = #p::statement!(copy_in_sent, __LAYOUT);
            const COPY_OUT: &'static #p::str = #p::statement!(copy_out, __LAYOUT);
        }
        #key
        #write
        #register
        #sets
        #version
    }
}

/// The indexes of columns, of documents and of paths into them.
fn indexes(record: &Record<'_>, table: &Table) -> Option<TokenStream> {
    let p = private(&record.krate);
    let own = table.indexes.iter().map(|index| {
        let name = index.name(table);
        match &index.of {
            Of::Columns(columns) => quote!(#p::column_index(#name, &[#(#columns),*])),
            Of::Sql(sql) => quote!(#p::written_index(#name, #sql)),
        }
    });
    let documents = record.fields.iter().filter(|f| f.gin_index).map(|field| {
        let constant = &field.constant;
        quote_spanned!(field.ty.span()=> #p::document_index(Self::#constant))
    });
    let paths = table.json_indexes.iter().map(|path| quote_spanned!(path.span()=> #p::path_index(Self::#path)));
    let all: Vec<_> = own.chain(documents).chain(paths).collect();
    (!all.is_empty()).then(|| quote!(.indexes(|| #p::index_list([#(#all),*]))))
}

/// Puts the struct among those of the program, unless it stands for as many tables as its parameters have values.
fn register(record: &Record<'_>) -> Option<TokenStream> {
    let generics = &record.input.generics;
    let parameters = generics.type_params().next().is_some() || generics.const_params().next().is_some();
    let p = private(&record.krate);
    let (name, still) = (&record.input.ident, still(record));
    (!parameters).then(|| quote!(#p::register!(#name #still);))
}

/// That the columns of unique sets and indexes are there; where no struct is embedded, that was checked before.
fn sets<'t>(record: &'t Record<'_>, table: &'t Table) -> impl Iterator<Item = TokenStream> + 't {
    let p = private(&record.krate);
    let embeds = record.fields.iter().any(|f| f.kind == Kind::Flat);
    let unique = table.unique.iter().map(|set| (&set.text, set.columns.as_slice()));
    let indexes = table.indexes.iter().filter_map(|index| match &index.of {
        Of::Columns(columns) => Some((&index.text, columns.as_slice())),
        Of::Sql(_) => None,
    });
    let named = unique.chain(indexes).filter(move |_| embeds);
    let columns = named.flat_map(|(text, columns)| columns.iter().map(move |column| (text, column)));
    columns.map(move |(text, column)| {
        let message = format!("there is no column {column:?}, neither of the struct nor of those it embeds");
        quote_spanned! {text.span()=>
            const _: () = if !#p::has_column(&__SPECS, #column) {
                ::core::panic!(#message)
            };
        }
    })
}

/// The arguments of the struct that stands for the table: `'static` for a lifetime, so that it is one type.
pub(crate) fn still(record: &Record<'_>) -> TokenStream {
    let span = proc_macro2::Span::call_site();
    generics::arguments(&record.input.generics, &Lifetime::new("'static", span))
}

fn schema(p: &TokenStream, schema: Option<&LitStr>) -> TokenStream {
    schema.map_or_else(|| quote!(#p::None), |schema| quote!(#p::Some(#schema)))
}

fn primary_key(record: &Record<'_>) -> Option<TokenStream> {
    let p = private(&record.krate);
    let (impl_generics, ty_generics, _) = record.input.generics.split_for_impl();
    let bounds = bounds(&record.input.generics, &record.needs(Need::Describe));
    let name = &record.input.ident;
    let keys: Vec<TokenStream> = record.fields.iter().filter(|f| f.primary_key).map(|f| f.column_type(&p)).collect();
    let key = match keys.as_slice() {
        [] => return None,
        [one] => one.clone(),
        several => quote!((#(#several),*)),
    };
    Some(quote! {
        #[automatically_derived]
        impl #impl_generics #p::PrimaryKey for #name #ty_generics #bounds {
            type Key = #key;
            const SELECT_BY_KEY: &'static #p::str = #p::statement!(select_by_key, __LAYOUT);
            const DELETE_BY_KEY: &'static #p::str = #p::statement!(delete_by_key, __LAYOUT);
        }
    })
}
