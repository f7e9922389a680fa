-- The class with a model's largest score, the first by name of equal ones; a class without a score comes last.
select row, first(class order by score desc nulls last, class) as found
from predictions where model = {name} group by row
