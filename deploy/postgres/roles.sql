-- A database, an owner role (migrations) and a service role (serving) for each service; run once by an administrator:
--   psql -v ON_ERROR_STOP=1 -f roles.sql
-- Then give every role a password: \password atelier_billing, …
-- The service role gets only what migrations grant it; `atelier up` does the same for its private cluster.

create role atelier_ingress_owner login nosuperuser nocreatedb nocreaterole connection limit 5;
create role atelier_ingress login nosuperuser nocreatedb nocreaterole connection limit 30;
create database atelier_ingress owner atelier_ingress_owner;
revoke all on database atelier_ingress from public;
grant connect, temporary on database atelier_ingress to atelier_ingress, atelier_ingress_owner;

create role atelier_conversation_owner login nosuperuser nocreatedb nocreaterole connection limit 5;
create role atelier_conversation login nosuperuser nocreatedb nocreaterole connection limit 30;
create database atelier_conversation owner atelier_conversation_owner;
revoke all on database atelier_conversation from public;
grant connect, temporary on database atelier_conversation to atelier_conversation, atelier_conversation_owner;

create role atelier_billing_owner login nosuperuser nocreatedb nocreaterole connection limit 5;
create role atelier_billing login nosuperuser nocreatedb nocreaterole connection limit 30;
create database atelier_billing owner atelier_billing_owner;
revoke all on database atelier_billing from public;
grant connect, temporary on database atelier_billing to atelier_billing, atelier_billing_owner;

create role atelier_generation_owner login nosuperuser nocreatedb nocreaterole connection limit 5;
create role atelier_generation login nosuperuser nocreatedb nocreaterole connection limit 30;
create database atelier_generation owner atelier_generation_owner;
revoke all on database atelier_generation from public;
grant connect, temporary on database atelier_generation to atelier_generation, atelier_generation_owner;

create role atelier_delivery_owner login nosuperuser nocreatedb nocreaterole connection limit 5;
create role atelier_delivery login nosuperuser nocreatedb nocreaterole connection limit 30;
create database atelier_delivery owner atelier_delivery_owner;
revoke all on database atelier_delivery from public;
grant connect, temporary on database atelier_delivery to atelier_delivery, atelier_delivery_owner;

create role atelier_payments_owner login nosuperuser nocreatedb nocreaterole connection limit 5;
create role atelier_payments login nosuperuser nocreatedb nocreaterole connection limit 30;
create database atelier_payments owner atelier_payments_owner;
revoke all on database atelier_payments from public;
grant connect, temporary on database atelier_payments to atelier_payments, atelier_payments_owner;
