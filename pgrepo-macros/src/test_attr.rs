use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Error, LitStr, Token, Type, Visibility, token};

const SQL: &str = "sql";
const SETUP: &str = "setup";
const SERVER: &str = "server";
const FLAVOR: &str = "flavor";
const ALL: [&str; 4] = [SQL, SETUP, SERVER, FLAVOR];

#[derive(Default)]
struct Keys {
    sql: Option<LitStr>,
    setup: Option<LitStr>,
    server: Option<LitStr>,
    flavor: Option<LitStr>,
}

impl Keys {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let place = if meta.path.is_ident(SQL) {
            &mut self.sql
        } else if meta.path.is_ident(SETUP) {
            &mut self.setup
        } else if meta.path.is_ident(SERVER) {
            &mut self.server
        } else if meta.path.is_ident(FLAVOR) {
            &mut self.flavor
        } else {
            return Err(meta.error(format!("unknown key; on a test the known ones are `{}`", ALL.join("`, `"))));
        };
        if place.is_some() {
            return Err(meta.error("this key is given twice"));
        }
        *place = Some(meta.value()?.parse()?);
        Ok(())
    }

    fn script(&self) -> syn::Result<TokenStream> {
        match (&self.sql, &self.setup) {
            (Some(_), Some(setup)) => Err(Error::new(setup.span(), "`sql` and `setup` exclude each other")),
            (Some(sql), None) => Ok(quote!(#sql)),
            (None, Some(setup)) => Ok(quote_spanned! {setup.span()=>
                ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #setup))
            }),
            (None, None) => Ok(quote!("")),
        }
    }

    fn multi_thread(&self) -> syn::Result<bool> {
        choice(self.flavor.as_ref(), "current_thread", "multi_thread")
    }

    fn private(&self) -> syn::Result<bool> {
        choice(self.server.as_ref(), "any", "private")
    }
}

/// Whether the second of two words was chosen; the first is the default.
fn choice(value: Option<&LitStr>, first: &str, second: &str) -> syn::Result<bool> {
    match value.map(|value| (value.span(), value.value())) {
        None => Ok(false),
        Some((_, word)) if word == first => Ok(false),
        Some((_, word)) if word == second => Ok(true),
        Some((span, _)) => Err(Error::new(span, format!("this is either {first:?} or {second:?}"))),
    }
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match try_expand(arguments, item.clone()) {
        Ok(tokens) => tokens,
        Err(error) => {
            let error = error.to_compile_error();
            // With the function itself, so that what it uses is not reported as unused.
            quote!(#error #[allow(unused)] #item)
        }
    }
}

fn try_expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut keys = Keys::default();
    let read = syn::meta::parser(|meta| keys.read(&meta)).parse2(arguments);
    let function: TestFn = syn::parse2(item)?;
    let mut problems = Problems::default();
    problems.note(read);
    let script = problems.note(keys.script());
    let multi_thread = problems.note(keys.multi_thread());
    let private = problems.note(keys.private());
    problems.report()?;

    let TestFn { attrs, vis, name, argument, ty, output, body } = &function;
    Ok(quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis fn #name() #output {
            async fn #name(#argument: #ty) #output #body
            ::pgrepo::testkit::run_test::<#ty, _>(
                ::pgrepo::testkit::TestSetup { script: #script, private: #private, multi_thread: #multi_thread },
                #name,
            )
        }
    })
}

/// The parts of the annotated function; read here, since syn's own model of functions would double its build time.
struct TestFn {
    attrs: Vec<Attribute>,
    vis: Visibility,
    name: Ident,
    argument: TokenStream,
    ty: Type,
    output: TokenStream,
    body: Group,
}

impl Parse for TestFn {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let asyncness: Option<Token![async]> = input.parse()?;
        let keyword: Token![fn] = input.parse()?;
        if asyncness.is_none() {
            return Err(Error::new(keyword.span, "a test on a database is an `async fn`"));
        }
        let name: Ident = input.parse()?;
        if let Some(generics) = input.parse::<Option<Token![<]>>()? {
            return Err(Error::new(generics.span, "a test has no generic parameters"));
        }
        let arguments: Group = input.parse()?;
        let (argument, ty) = (|input: ParseStream<'_>| read_argument(input, &name)).parse2(arguments.stream())?;
        let mut output = TokenStream::new();
        while !input.peek(token::Brace) {
            output.extend([input.parse::<TokenTree>()?]);
        }
        let body = input.parse()?;
        Ok(Self { attrs, vis, name, argument, ty, output, body })
    }
}

fn read_argument(input: ParseStream<'_>, name: &Ident) -> syn::Result<(TokenStream, Type)> {
    const ONE: &str = "a test takes one argument: its database";
    if input.is_empty() {
        return Err(Error::new(name.span(), ONE));
    }
    let mut pattern = TokenStream::new();
    while !input.peek(Token![:]) || input.peek(Token![::]) {
        pattern.extend([input.parse::<TokenTree>()?]);
    }
    input.parse::<Token![:]>()?;
    let ty = input.parse()?;
    input.parse::<Option<Token![,]>>()?;
    if !input.is_empty() {
        return Err(input.error(ONE));
    }
    Ok((pattern, ty))
}

#[derive(Default)]
struct Problems(Option<Error>);

impl Problems {
    fn note<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                match &mut self.0 {
                    Some(all) => all.combine(error),
                    None => self.0 = Some(error),
                }
                None
            }
        }
    }

    fn report(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
