-- Stages that wait keep their copy's place in the user's limit of open jobs; see Domain/OpenPlaces.swift.
create index job_open_places on job (user_id)
    where step in ('reserving', 'planned', 'extending', 'accepted', 'running', 'storing', 'settling');
drop index job_open;
