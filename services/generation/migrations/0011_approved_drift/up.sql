-- A person may lift a stop: `atelier models drift --approve`.
grant delete on sales_stop to atelier_generation;
