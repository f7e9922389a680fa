-- Macros over the views; each is described in `schemas/tables/catalog.py` (MACROS).

-- Rows of one dataset that may be compared: current, readable, scored out of fold or not fitted.
create macro compared(dataset_name, concept_name, bank_name := null, map_name := null) as table
    select s.bank, s.map, s.row, s.similarity
    from similarities as s
    where s.dataset = dataset_name and s.concept = concept_name and s.fold >= -1
        and (bank_name is null or s.bank = bank_name)
        and (map_name is null or s.map = map_name)
        and s.row in (select row from images where dataset = dataset_name and current and outcome = 'ok');

-- The n images most similar to a concept.
create macro top_k(dataset_name, concept_name, n := 20, bank_name := null, map_name := null) as table
    select c.bank, c.map, i.image_id, c.row, i.label, c.similarity
    from compared(dataset_name, concept_name, bank_name := bank_name, map_name := map_name) as c
    join images as i on i.row = c.row and i.dataset = dataset_name
    order by c.similarity desc, c.row
    limit n;

-- log10 of the two-sided Kolmogorov probability at the effective size n, with Vrbik's correction; never underflows.
create macro kolmogorov_log10_sf(x) as (
    case
        when x < 1.18 then least(0.0, log10(1 - sqrt(2 * pi()) / x * (
            exp(-pi() * pi() / (8 * x * x)) + exp(-9 * pi() * pi() / (8 * x * x)) + exp(-25 * pi() * pi() / (8 * x * x)))))
        else log10(2.0) - 2 * x * x / ln(10.0)
            + log10(1 - exp(-6 * x * x) + exp(-16 * x * x) - exp(-30 * x * x))
    end
);
create macro ks_log10_p(d, n) as (
    case
        when d = 0 then 0.0
        else kolmogorov_log10_sf(greatest(1e-9, d * sqrt(n) + 1 / (6 * sqrt(n)) + (d * sqrt(n) - 1) / (4 * n)))
    end
);

-- Two lists of numbers compared: {d, sign, log10_p, n_reference, n_current}.
create macro ks_2samp(reference_values, current_values) as (
    select struct_pack(
        d := max(abs(gap)),
        sign := case when max(abs(gap)) = 0 then 0 when max(gap) >= -min(gap) then 1 else -1 end,
        log10_p := ks_log10_p(max(abs(gap)), round(any_value(m) / (any_value(m) + any_value(n)) * any_value(n))),
        n_reference := any_value(m)::bigint,
        n_current := any_value(n)::bigint
    )
    from (
        select m, n, sum(r) over (order by x) / m - sum(c) over (order by x) / n as gap
        from (
            select x, sum(r) as r, sum(c) as c, len(reference_values)::double as m, len(current_values)::double as n
            from (
                select unnest(reference_values)::double as x, 1 as r, 0 as c
                union all
                select unnest(current_values)::double, 0, 1
            )
            group by x
        )
    )
);

-- One concept of two datasets compared.
create macro ks(reference_name, current_name, concept_name, bank_name := null, map_name := null) as table
    select bank, map, max(abs(gap)) as d,
        case when max(abs(gap)) = 0 then 0 when max(gap) >= -min(gap) then 1 else -1 end as sign,
        ks_log10_p(max(abs(gap)), round(any_value(m) / (any_value(m) + any_value(n)) * any_value(n))) as log10_p,
        any_value(m)::bigint as n_reference, any_value(n)::bigint as n_current
    from (
        select bank, map, m, n, sum(r) over w / m - sum(c) over w / n as gap
        from (
            select bank, map, x, sum(r) as r, sum(c) as c,
                (sum(sum(r)) over (partition by bank, map))::double as m,
                (sum(sum(c)) over (partition by bank, map))::double as n
            from (
                select bank, map, similarity as x, 1 as r, 0 as c
                from compared(reference_name, concept_name, bank_name := bank_name, map_name := map_name)
                union all
                select bank, map, similarity, 0, 1
                from compared(current_name, concept_name, bank_name := bank_name, map_name := map_name)
            )
            group by bank, map, x
        )
        where m > 0 and n > 0
        window w as (partition by bank, map order by x)
    )
    group by bank, map;
